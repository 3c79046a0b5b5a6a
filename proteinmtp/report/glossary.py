"""Words of the page: what the main scores mean, what each split asks, where structures come from."""

MEANINGS = {
    "mae": "mean absolute error of the predicted Cα distances; it forgives a wrong fold of the right size",
    "rmse": "root mean square error of the predicted distances; far pairs weigh more than in the distance error",
    "lddt": "share of the distances up to 15 Å that the trace keeps within 0.5, 1, 2 and 4 Å, 0 to 1; it judges what"
    " lies around a residue and needs no superposition",
    "tm_score": "likeness of the whole fold after the best superposition, 0 to 1, whatever the length; from 0.5 on two"
    " chains usually have the same fold, unrelated ones have about 0.2",
    "gdt_ts": "share of residues within 1, 2, 4 and 8 Å of the experiment, each after its best superposition, 0 to 1",
    "gdt_ha": "as GDT-TS, within 0.5, 1, 2 and 4 Å",
    "rmsd": "root mean square distance of the Cα atoms after superposition; one loose end can spoil it",
}
"""Of the main scores, in a sentence, by the names of `proteinmtp.base.metrics`."""

SPLITS = {
    "uniprot": "Whole UniProt accessions are held out: no test chain is a protein of training, though it may have "
    "relatives there. Chains without an accession go with their homology cluster.",
    "table": "Each chain is where a given table has it.",
    "year": "What came later is held out: the test asks for the proteins of later years, relatives of earlier ones "
    "among them.",
    "random": "Chains are drawn without regard to their relatives.",
    "cluster": "Whole homology clusters are held out: no test chain has a relative in training above the thresholds. "
    "This asks whether the model folds proteins unlike those it has seen.",
    "members": "Members of every cluster are held out, so each test chain has relatives in training. This asks "
    "whether the model recognises known folds, and says nothing about new ones.",
    "memorise": "Every chain is in training, validation and test alike. This checks the machinery; the scores say "
    "nothing about other proteins.",
}
"""What each method of the split asks."""

SOURCES = {
    "demo": "The proteins are synthetic, made for trying out the workflow: the scores say nothing about real ones.",
    "directory": "The structures are files of a folder.",
    "pdbbind": "The structures are proteins of PDBbind.",
    "rcsb": "The structures are entries of the PDB.",
    "bucket": "The structures are files of a bucket.",
}
"""Where the structures come from, by the kind of the source; others bring no sentence."""

NOTES = {
    "chains_not_in_table": "The table has no row for {} chains.",
    "chains_without_year": "{} chains have no year.",
    "chains_without_uniprot": "{} chains have no UniProt accession.",
}
"""Sentences on the chains that a method could not treat as its name says, by the keys of `SplitSummary.notes`."""
