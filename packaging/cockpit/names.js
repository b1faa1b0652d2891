// The names on the bus that this page uses. A test compares them with the XML files of guardd.

export const NAME = "org.guardd.Guard1";
export const OBJECT = "/org/guardd/Guard1";
export const MANAGER = "org.guardd.Guard1.Manager";
export const POLICY = "org.guardd.Guard1.Policy";

// Each method, with the types of its arguments.
export const METHODS = {
  Reload: "",
  Scan: "sb",
  FindWrong: "su",
  Explain: "ayus",
  Pause: "sts",
  Resume: "s",
  ListIncidents: "a{sv}",
  GetIncident: "s",
  Undo: "s",
  UndoFiles: "sbu",
};

// Those of incidents are not among them: they hold whole records, and counters tell in a few bytes that something happened.
export const SIGNALS = ["PolicyReloaded", "ScanProgress"];

export const PROPERTIES = {
  [MANAGER]: [
    "Version",
    "Backend",
    "BackendReason",
    "Health",
    "HealthReason",
    "Generation",
    "Violations",
    "Denied",
    "Fixed",
    "Lost",
  ],
  [POLICY]: [
    "Name",
    "Paths",
    "Owner",
    "Group",
    "Action",
    "EffectiveAction",
    "Differences",
    "State",
    "StateReason",
    "Guards",
    "Severity",
    "File",
    "Line",
    "Violations",
    "Denied",
    "Fixed",
    "PausedUntil",
    "PausedBy",
    "PauseReason",
  ],
};

// What Explain can be asked about.
export const OPERATIONS = [
  "create",
  "mkdir",
  "mknod",
  "symlink",
  "link",
  "rename",
  "chown",
  "chmod",
  "write",
  "truncate",
  "map",
  "unlink",
  "rmdir",
  "setxattr",
  "removexattr",
  "setacl",
  "setflags",
  "mount",
  "read",
];
