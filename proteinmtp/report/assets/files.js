// Files that the reader takes away: structures in PDB and mmCIF format, made from what lies in the page.
const THREE_LETTERS = {
  A: "ALA", R: "ARG", N: "ASN", D: "ASP", C: "CYS", Q: "GLN", E: "GLU", G: "GLY", H: "HIS", I: "ILE",
  L: "LEU", K: "LYS", M: "MET", F: "PHE", P: "PRO", S: "SER", T: "THR", W: "TRP", Y: "TYR", V: "VAL", U: "SEC", O: "PYL",
};

function saveAs(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const plainName = (text) => text.replace(/[^A-Za-z0-9.-]+/g, "-").replace(/^[.-]+/, "").slice(0, 100) || "chain";

// The C-alpha atoms that are known: residue number from 1, name of three letters, x, y, z, value for the B-factor.
function atomsOf(chain, owner) {
  const of = chain.of.get(owner);
  return [...chain.sequence].flatMap((letter, at) => {
    const [x, y, z] = of.coords.subarray(3 * at, 3 * at + 3);
    if (Number.isNaN(x)) return [];
    return [{ number: at + 1, residue: THREE_LETTERS[letter] ?? "UNK", x, y, z, b: of.confidence?.[at] ?? 0 }];
  });
}

function pdbText(chain, owner, note) {
  const remarks = note.map((line) => `REMARK 250 ${line.replace(/[^\x20-\x7e]/g, "?").slice(0, 68)}`.padEnd(80));
  const atoms = atomsOf(chain, owner).map((atom, at) => {
    const place = [atom.x, atom.y, atom.z].map((value) => value.toFixed(3).padStart(8)).join("");
    const serial = String(at + 1).padStart(5);
    const number = String(atom.number).padStart(4);
    return `ATOM  ${serial}  CA  ${atom.residue} A${number}    ${place}  1.00${atom.b.toFixed(2).padStart(6)}           C  `;
  });
  const last = atoms.length ? [`TER   ${String(atoms.length + 1).padStart(5)}`.padEnd(80)] : [];
  return [...remarks, ...atoms, ...last, "END".padEnd(80), ""].join("\n");
}

const ATOM_SITE = [
  "group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id", "label_asym_id", "label_entity_id",
  "label_seq_id", "pdbx_PDB_ins_code", "Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv", "auth_seq_id",
  "auth_asym_id", "pdbx_PDB_model_num",
];

function mmcifText(chain, owner, note) {
  const name = plainName(chain.id);
  const sequence = [...chain.sequence].map((letter, at) => `1 ${at + 1} ${THREE_LETTERS[letter] ?? "UNK"} n`);
  const atoms = atomsOf(chain, owner).map((atom, at) =>
    ["ATOM", at + 1, "C", "CA", ".", atom.residue, "A", 1, atom.number, "?", atom.x.toFixed(3), atom.y.toFixed(3),
      atom.z.toFixed(3), "1.00", atom.b.toFixed(2), atom.number, "A", 1].join(" "));
  return [
    `data_${name}`, ...note.map((line) => `# ${line.replace(/[^\x20-\x7e]/g, "?")}`), "#", `_entry.id ${name}`, "#",
    "_entity.id 1", "_entity.type polymer", "#", "_entity_poly.entity_id 1", "_entity_poly.type polypeptide(L)", "#",
    "_struct_asym.id A", "_struct_asym.entity_id 1", "#",
    "loop_", "_entity_poly_seq.entity_id", "_entity_poly_seq.num", "_entity_poly_seq.mon_id", "_entity_poly_seq.hetero",
    ...sequence, "#", "loop_", ...ATOM_SITE.map((item) => `_atom_site.${item}`), ...atoms, "#", "",
  ].join("\n");
}

function saveStructure(chain, owner, format) {
  const of = chain.of.get(owner);
  const note = [
    owner ? `C-alpha trace predicted by ${owner}` : "C-alpha atoms of the experiment",
    ...(owner ? ["superposed on the experiment"] : []),
    "residues are numbered from 1 along the sequence",
    of.confidence ? "B-factor: expected lDDT, 0 to 100" : "B-factor: nothing",
  ];
  const name = `${plainName(chain.id)}.${plainName(owner || "experiment")}`;
  if (format === "pdb") saveAs(`${name}.pdb`, pdbText(chain, owner, note), "chemical/x-pdb");
  else saveAs(`${name}.cif`, mmcifText(chain, owner, note), "chemical/x-cif");
}

// What is known of each residue, a line each.
function saveResidues(chain, owner) {
  const of = chain.of.get(owner);
  const told = (value, digits) => (value === undefined || Number.isNaN(value) ? "" : value.toFixed(digits));
  const lines = [...chain.sequence].map((letter, at) =>
    [at + 1, letter, told(of.confidence?.[at], 1), told(of.lddt?.[at], 1), told(offBy(chain, owner, at), 2)].join(","));
  const text = ["residue,letter,confidence,lddt,distance_from_experiment", ...lines, ""].join("\n");
  saveAs(`${plainName(chain.id)}.${plainName(owner)}.csv`, text, "text/csv");
}
