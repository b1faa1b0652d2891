// guardd on the system bus, through Cockpit: as the administrator if the person has turned on administrative access, else
// as that person. Knows nothing of the page.

import { MANAGER, METHODS, NAME, OBJECT, POLICY, PROPERTIES } from "./names.js";
import { _, sentence } from "./text.js";

const cockpit = window.cockpit;
const RETRY_MS = 3000;
const QUICK_MS = 60 * 1000;
const LONG_MS = 24 * 3600 * 1000;
const LONG = ["Reload", "Scan", "FindWrong", "Undo", "UndoFiles"]; // these look at trees

// Values arrive as { t: type, v: value }, also within each other.
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  if ("t" in value && "v" in value && Object.keys(value).length === 2) return plain(value.v);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

function known(interface_name, values) {
  const names = PROPERTIES[interface_name].filter((name) => name in values);
  return Object.fromEntries(names.map((name) => [name, plain(values[name])]));
}

// Bytes are base64 on their way through Cockpit.
export function bytes_of(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

export class Bus {
  constructor() {
    this.matches = []; // pairs of a match and a callback
    this.tell_owner = () => undefined;
    this.connect();
  }

  // Cockpit 287 closes a connection to a name that does not exist, so the page tries again until guardd runs. It does not
  // after the end of the session.
  connect() {
    this.client = cockpit.dbus(NAME, { bus: "system", superuser: "try" });
    for (const [match, callback] of this.matches) this.client.subscribe(match, callback);
    this.client.addEventListener("owner", (_event, owner) => this.tell_owner(Boolean(owner)));
    this.client.addEventListener("close", (_event, options) => {
      this.tell_owner(false);
      if (options?.problem && options.problem !== "not-found") return;
      setTimeout(() => {
        this.connect();
        this.tell_owner(true);
      }, RETRY_MS);
    });
  }

  // callback(whether guardd runs, as far as is known)
  on_owner(callback) {
    this.tell_owner = callback;
  }

  subscribe(match, callback) {
    this.matches.push([match, callback]);
    this.client.subscribe(match, callback);
  }

  // Returns what the method returns: nothing, one value, or an array of them.
  async call(method, ...args) {
    const options = { type: METHODS[method], timeout: LONG.includes(method) ? LONG_MS : QUICK_MS };
    const values = plain(await this.client.call(OBJECT, MANAGER, method, args, options));
    return values.length > 1 ? values : values[0];
  }

  on_signal(name, callback) {
    const match = { path: OBJECT, interface: MANAGER, member: name };
    this.subscribe(match, (_path, _interface, _name, args) => callback(...plain(args)));
  }

  // callback(object, interface, properties)
  on_properties(callback) {
    const match = {
      path_namespace: OBJECT,
      interface: "org.freedesktop.DBus.Properties",
      member: "PropertiesChanged",
    };
    this.subscribe(match, (path, _interface, _name, [interface_name, values]) => {
      if (interface_name in PROPERTIES)
        callback(path, interface_name, known(interface_name, values));
    });
  }

  on_objects(callback) {
    const match = { path: OBJECT, interface: "org.freedesktop.DBus.ObjectManager" };
    this.subscribe(match, () => callback());
  }

  async facts() {
    const options = { type: "s", timeout: QUICK_MS };
    const [values] = await this.client.call(
      OBJECT,
      "org.freedesktop.DBus.Properties",
      "GetAll",
      [MANAGER],
      options,
    );
    return known(MANAGER, values);
  }

  // A map from object to properties.
  async policies() {
    const options = { type: "", timeout: QUICK_MS };
    const [objects] = await this.client.call(
      OBJECT,
      "org.freedesktop.DBus.ObjectManager",
      "GetManagedObjects",
      [],
      options,
    );
    const policies = Object.entries(objects).filter(([, interfaces]) => POLICY in interfaces);
    return new Map(policies.map(([path, interfaces]) => [path, known(POLICY, interfaces[POLICY])]));
  }
}

const DENIED = [
  "org.freedesktop.DBus.Error.AccessDenied",
  "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
];
const GONE = [
  "org.freedesktop.DBus.Error.ServiceUnknown",
  "org.freedesktop.DBus.Error.NameHasNoOwner",
  "org.freedesktop.DBus.Error.NoReply",
  "org.freedesktop.DBus.Error.Disconnected",
];

export const is_denied = (error) =>
  DENIED.includes(error?.name) || error?.problem === "access-denied";
export const is_gone = (error) =>
  GONE.includes(error?.name) || ["not-found", "disconnected"].includes(error?.problem);
export const is_invalid_policy = (error) => error?.name === "org.guardd.Guard1.Error.InvalidPolicy";

export function error_text(error) {
  if (is_denied(error))
    return _(
      "You may not do this. Turn on administrative access in Cockpit, or ask an administrator.",
    );
  if (is_gone(error)) return _("guardd is not running.");
  if (error?.problem === "timeout") return _("guardd has not answered in time.");
  return sentence(error?.message || error);
}
