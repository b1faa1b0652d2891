// Stands in for Cockpit's own cockpit.js, and for guardd behind it, to show the page of guardd without either. What a
// test wants to change or to see is in window.stub.
(() => {
  const HOSTILE =
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;\u001b[31m\u202e$0 $1\n--help";
  const variant = (value) => {
    const type = { string: "s", number: "t", boolean: "b" }[typeof value] || "v";
    if (Array.isArray(value)) return { t: "as", v: value };
    return { t: type, v: type === "v" ? fields(value) : value };
  };
  const fields = (record) =>
    Object.fromEntries(
      Object.entries(record)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, variant(value)]),
    );

  function incident(id, more = {}) {
    return {
      id,
      state: "closed",
      policy: "shop",
      severity: "medium",
      count: 12,
      operation: "create",
      human: "alice",
      fsuid: 0,
      first_seen: "2026-03-01T14:30:00.000000Z",
      last_seen: "2026-03-01T14:30:07.000000Z",
      cwd: "/srv/shop",
      sample: ["/srv/shop/conf/app.json", "/srv/shop/conf/db.json"],
      totals: { fixed: 11, skipped: 1, logged: 0, denied: 0 },
      command: { cmdline: "git pull", comm: "git", exe: "/usr/bin/git", pid: 7 },
      session_remote_host: "192.0.2.7",
      tty: "pts/3",
      instead: "sudo -u shop git pull\nsudo -u shop make",
      policy_file: "/etc/guardd/policies.d/shop.toml",
      policy_line: 1,
      generation: 2,
      ...more,
    };
  }
  const hostile = incident("evil" + HOSTILE, {
    policy: HOSTILE,
    human: HOSTILE,
    command: { cmdline: "tar xf " + HOSTILE + " " + "w".repeat(3000), comm: HOSTILE },
    sample: ["/srv/shop/" + HOSTILE, "/srv/shop/\\xff", "/srv/" + "long-name-".repeat(400)],
    reason: "because " + HOSTILE,
    unit: HOSTILE,
    instead: "sudo -u shop " + HOSTILE,
    cwd: "/" + HOSTILE,
    session_remote_host: HOSTILE,
    tty: HOSTILE,
    container: HOSTILE,
    severity: "critical",
    policy_file: "/" + HOSTILE,
    first_seen: HOSTILE,
    invented: HOSTILE,
    totals: { fixed: 1, skipped: 2 },
    via: ["sshd", HOSTILE],
    commands: [
      { cmdline: HOSTILE, count: 3 },
      { cmdline: "ls", count: 1 },
    ],
  });
  const policy = (name, more) =>
    fields({
      Name: name,
      Paths: ["/srv/" + name, "/var/log/" + name],
      Owner: name,
      Group: name,
      Action: "fix",
      EffectiveAction: "fix",
      Differences: [],
      State: "active",
      StateReason: "",
      Guards: ["ownership"],
      Severity: "medium",
      File: "/etc/x",
      Line: 1,
      Violations: 12,
      Denied: 0,
      Fixed: 11,
      PausedUntil: 0,
      PausedBy: "",
      PauseReason: "",
      Invented: 1,
      ...more,
    });
  const objects = {
    "/org/guardd/Guard1/policy/shop": { "org.guardd.Guard1.Policy": policy("shop") },
    "/org/guardd/Guard1/policy/mail": {
      "org.guardd.Guard1.Policy": policy("mail", {
        Action: "deny",
        EffectiveAction: "fix",
        Differences: ["this kernel has no BPF LSM, and fanotify can deny only opens"],
      }),
    },
    "/org/guardd/Guard1/policy/wiki": {
      "org.guardd.Guard1.Policy": policy("wiki", {
        State: "paused",
        PausedUntil: 4102444800e6,
        PausedBy: "alice",
        PauseReason: HOSTILE,
        Paths: ["/srv/" + HOSTILE],
      }),
    },
  };
  const wrong = {
    path: "/srv/shop/" + HOSTILE,
    uid_before: 0,
    gid_before: 0,
    mode_before: "0600",
    uid_wanted: 998,
    gid_wanted: 998,
    action: "skipped",
    reason: "it has another name, " + HOSTILE,
  };
  const step = {
    text: "the path is in the tree " + HOSTILE,
    file: "/etc/guardd/policies.d/shop.toml",
    line: 3,
  };

  function failure(name, message) {
    return Object.assign(new Error(message), {
      name: name.includes(".") ? name : "org.guardd.Guard1.Error." + name,
    });
  }
  const denied = failure("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", "no");

  const stub = (window.stub = {
    HOSTILE,
    calls: [],
    listeners: [],
    may: true,
    owner: null,
    incidents: [
      incident("3", { state: "opened" }),
      hostile,
      incident("1", {
        human: undefined,
        command: {},
        sample: [],
        severity: "low",
        fsuid: undefined,
        unit: "backup.service",
        instead: undefined,
        cwd: undefined,
        session_remote_host: undefined,
        tty: undefined,
        policy: "mail",
        totals: { logged: 3 },
        count: 3,
      }),
    ],
    failures: {},
    delays: {},
    incident,
    failure,
    facts: {
      Version: "0.1.0",
      Backend: "fanotify",
      BackendReason: "this kernel has no BPF LSM",
      Health: "degraded",
      HealthReason: "policy mail gets fix, not deny; a tree of wiki cannot be watched: " + HOSTILE,
      Generation: 3,
      Violations: 1234,
      Denied: 0,
      Fixed: 1100,
      Lost: 2,
      Invented: 4,
    },
    signal(member, args, path = "/org/guardd/Guard1", of = "org.guardd.Guard1.Manager") {
      for (const { match, callback } of stub.listeners) {
        if ((match.member && match.member !== member) || match.interface !== of) continue;
        if (
          (match.path && match.path !== path) ||
          (match.path_namespace && !path.startsWith(match.path_namespace))
        )
          continue;
        callback(path, of, member, args);
      }
    },
    changed(values, path = "/org/guardd/Guard1", of = "org.guardd.Guard1.Manager") {
      stub.signal(
        "PropertiesChanged",
        [of, fields(values), []],
        path,
        "org.freedesktop.DBus.Properties",
      );
    },
    opened(record) {
      stub.incidents.unshift({
        ...record,
        last_seen: new Date(Date.UTC(2026, 2, 2) + stub.incidents.length).toISOString(),
      });
      stub.changed({ Violations: ++stub.facts.Violations });
    },
  });

  const manage =
    (action) =>
    (...args) => {
      if (!stub.may) throw denied;
      return action(...args);
    };
  const answers = {
    GetAll: () => [fields(stub.facts)],
    GetManagedObjects: () => [objects],
    ListIncidents: (filter) => [
      stub.incidents
        .filter((each) => !filter.since || Date.parse(each.last_seen) * 1000 >= filter.since.v)
        .slice(0, filter.limit.v)
        .map(fields),
    ],
    GetIncident: (id) => [fields(stub.incidents.find((each) => each.id === id))],
    Reload: manage(() => []),
    Scan: manage(() => [3, 2]),
    FindWrong: manage(() => [
      [fields(wrong), fields({ ...wrong, path: "/srv/shop/b", action: "fixed", reason: "" })],
      3,
    ]),
    Explain: () =>
      [
        fields({
          path: "/srv/" + HOSTILE,
          user: "root",
          policy: "shop",
          tree: "/srv/shop",
          action: "fix",
          owner_wanted: "shop",
          group_wanted: HOSTILE,
          uid_wanted: 998,
          gid_wanted: 998,
          policy_file: "/etc/x",
          policy_line: 1,
          now: { file_type: "file", uid: 0, gid: 0, mode: "0644" },
        }),
      ].map((each) => ({
        ...each,
        steps: { t: "aa{sv}", v: [fields(step)] },
        operations: {
          t: "aa{sv}",
          v: [
            {
              ...fields({
                operation: "create",
                violation: true,
                outcome: "fixed",
                because: HOSTILE,
              }),
              steps: { t: "aa{sv}", v: [fields(step)] },
            },
          ],
        },
      })),
    Pause: manage(() => []),
    Resume: manage((name) => {
      if (!name) throw failure("NoSuchPolicy", 'there is no policy ""');
      return [];
    }),
    Undo: manage(() => [11]),
    UndoFiles: manage((id) => {
      if (!id) throw failure("NoSuchIncident", "there is no such incident");
      return [
        [
          fields({
            path: "/srv/shop/a",
            uid_before: 998,
            gid_before: 998,
            mode_before: "0640",
            uid_after: 0,
            gid_after: 0,
            mode_after: "0644",
            restored: true,
          }),
          fields({ path: "/srv/" + HOSTILE, restored: false, reason: "it is gone, " + HOSTILE }),
        ],
        11,
        1,
      ];
    }),
  };

  class Events extends EventTarget {}
  const translated = new URLSearchParams(location.search).has("translated");
  const bracketed = (text) => (translated ? `⟦${text}⟧` : text);
  let po = {};
  window.cockpit = Object.assign(new Events(), {
    language: "en",
    hidden: false,
    locale(translation) {
      po = translation;
      window.cockpit.language = po[""].language;
    },
    gettext: (text) => po[text]?.[1] ?? bracketed(text),
    ngettext: (one, many, number) =>
      po[one]?.[po[""]["plural-forms"](number) + 1] ?? bracketed(number === 1 ? one : many),
    format: (text, ...words) => text.replace(/\$(\d)/g, (_all, at) => words[at] ?? ""),
    translate() {},
    permission() {},
    transport: { wait: (callback) => callback() },
    dbus(name, options) {
      stub.connection = { name, options };
      stub.listeners.length = 0;
      return {
        addEventListener(kind, callback) {
          stub[kind] = callback;
        }, // stub.owner(), stub.close()
        subscribe(match, callback) {
          const listener = { match, callback };
          stub.listeners.push(listener);
          return { remove: () => stub.listeners.splice(stub.listeners.indexOf(listener), 1) };
        },
        async call(path, of, method, args, how) {
          stub.calls.push({ path, of, method, args, type: how.type });
          await new Promise((resolve) => setTimeout(resolve, stub.delays[method] || 0));
          if (stub.failures[method]) throw stub.failures[method];
          return answers[method](...args);
        },
      };
    },
  });
  stub.may = !new URLSearchParams(location.search).has("ordinary");
})();
