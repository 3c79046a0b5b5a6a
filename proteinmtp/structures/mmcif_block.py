"""The parts of an mmCIF file that gemmi is handed or asked for, completed where files in the wild leave some out."""

import gemmi

from proteinmtp.structures.records import RecordError

REQUIRED = {"id": "0", "type_symbol": "C", "label_alt_id": "."}

UNIPROT = ("UNP", "SWS", "TREMBL")
"""Names of the database in cross references, old ones too."""


def read_block(shortened: bytes, whole: bytes) -> tuple[gemmi.cif.Block, list[str]]:
    """Return the block with the structure, and the names of the defects that were repaired in it.

    Parameters:
        shortened: the text that is read.
        whole: the text of the file, for the line that an error names.

    Raises:
        RecordError: if there is none, or several.
        ValueError, RuntimeError: whatever gemmi raises for a text that it cannot read.
    """
    block = _with_atoms(_read(shortened, whole))
    return block, [*_fill_columns(block), *_fill_entities(block)]


def parents(block: gemmi.cif.Block) -> dict[str, str]:
    """Return the parents of the modified residues that the file explains, by name."""
    pairs = [
        *block.find("_chem_comp.", ["id", "mon_nstd_parent_comp_id"]),
        *block.find("_pdbx_struct_mod_residue.", ["label_comp_id", "parent_comp_id"]),
    ]
    return {name: parent for name, parent in pairs if parent not in ("?", ".")}


def accessions(block: gemmi.cif.Block) -> dict[str, str]:
    """Return the UniProt accession of each entity, the first where there are several."""
    accessions: dict[str, str] = {}
    for entity, database, accession in block.find("_struct_ref.", ["entity_id", "db_name", "pdbx_db_accession"]):
        if database.upper() in UNIPROT and accession not in "?.":
            accessions.setdefault(entity, accession)
    return accessions


def _read(shortened: bytes, whole: bytes) -> gemmi.cif.Document:
    """Read a shortened text; an error names the line of the whole one."""
    try:
        return gemmi.cif.read_string(shortened)
    except (RuntimeError, ValueError):
        if shortened != whole:
            gemmi.cif.read_string(whole)
        raise


def _with_atoms(document: gemmi.cif.Document) -> gemmi.cif.Block:
    blocks = [block for block in document if block.find_loop("_atom_site.Cartn_x")]
    if len(blocks) > 1:
        raise RecordError(f"{len(blocks)} data blocks with atoms; split the file, one structure in each")
    if not len(document):
        raise RecordError("no data block")
    return blocks[0] if blocks else document[0]


def _fill_columns(block: gemmi.cif.Block) -> list[str]:
    """Add the columns of the atom table without which gemmi makes no model, where they are missing."""
    loop = block.find_loop("_atom_site.Cartn_x").get_loop()
    if loop is None:
        return []
    missing = [name for name in REQUIRED if f"_atom_site.{name}" not in loop.tags]
    for name in missing:
        loop.add_columns([f"_atom_site.{name}"], REQUIRED[name])
    chains = "_atom_site.label_asym_id", "_atom_site.auth_asym_id"
    if chains[0] not in loop.tags and chains[1] in loop.tags:
        loop.add_columns([chains[0]], ".")
        column, author = map(block.find_loop, chains)
        for row in range(loop.length()):
            column[row] = author[row]
        missing.append(chains[0])
    return ["atom_site_columns"] if missing else []


def _fill_entities(block: gemmi.cif.Block) -> list[str]:
    """List the entities that have a sequence where there is no table of them, without which gemmi reads none."""
    if block.find_values("_entity.id"):
        return []
    entities = dict.fromkeys(block.find_values("_entity_poly_seq.entity_id"))
    if entities:
        loop = block.init_loop("_entity.", ["id", "type"])
        for entity in entities:
            loop.add_row([entity, "polymer"])
    return ["entity_table"] if entities else []
