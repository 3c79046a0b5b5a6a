"""The runs of the demo: the system itself, and beside it what tells whether each of its parts helps."""

from proteinmtp.config.runs import RunEntry

SLOTS = {
    "name": "slots",
    "description": "the system: adapters on a pretrained language model, a slot for each residue, a distogram",
    "question": "Does the model know more of a structure than how far apart two residues are in the sequence?",
    "hypothesis": "The model keeps more local distances than the mean training distance at each |i-j| does.",
    "against": "null_separation",
    "train": {"distances": "stored"},
}
RANDOM = {
    "name": "random",
    "description": "the same with a language model of random weights",
    "question": "Does pretraining on sequences help?",
    "hypothesis": "Random weights are worse: adapters can turn what is there, not put in what is not.",
    "against": "slots",
    "expects": "worse",
    "backbone": {"pretrain": {"when": "never"}},
    "train": {"distances": "stored"},
}
NO_SLOTS = {
    "name": "no_slots",
    "description": "no slots: the residues' own states, which see each other both ways",
    "question": "Do slots help?",
    "hypothesis": "It is worse without: a model that learnt to look back is not at home both ways.",
    "against": "slots",
    "expects": "worse",
    "slots": {"kind": "none", "attention": "bidirectional"},
    "train": {"distances": "stored"},
}
DISTANCE = {
    "name": "distance",
    "description": "one distance for each pair, mean squared error: the project's second approach",
    "question": "Is one number for each pair enough?",
    "hypothesis": "Regression is worse than the distogram, because a mean over folds is no fold.",
    "against": "slots",
    "expects": "worse",
    "head": {"kind": "distance"},
    "loss": {"terms": [{"name": "mse"}]},
    "train": {"distances": "stored"},
}
COORDS = {
    "name": "coords",
    "description": "absolute coordinates from the slots: the project's first approach",
    "question": "Can coordinates be regressed?",
    "hypothesis": "Coordinates are worse than distances: they change when a protein is turned.",
    "against": "distance",
    "expects": "worse",
    "head": {"kind": "coords"},
}

DEMO_RUNS = tuple(map(RunEntry.model_validate, (SLOTS, RANDOM, NO_SLOTS, DISTANCE, COORDS)))
