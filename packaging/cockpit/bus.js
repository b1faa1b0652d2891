// guardd on the system bus, through Cockpit: as the administrator if the person has turned on administrative access, else
// as that person. Knows nothing of the page.

import { MANAGER, METHODS, NAME, OBJECT, POLICY, PROPERTIES } from "./names.js";
import { _, sentence } from "./text.js";

const cockpit = window.cockpit;
const LONGEST_CALL = 24 * 3600 * 1000; // a scan of large trees, in milliseconds

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
        this.client = cockpit.dbus(NAME, { bus: "system", superuser: "try" });
    }

    on_owner(callback) {
        this.client.addEventListener("owner", (_event, owner) => callback(Boolean(owner)));
        this.client.addEventListener("close", (_event, options) => callback(false, options));
    }

    // Returns what the method returns: nothing, one value, or an array of them.
    async call(method, ...args) {
        const options = { type: METHODS[method], timeout: LONGEST_CALL };
        const values = plain(await this.client.call(OBJECT, MANAGER, method, args, options));
        return values.length > 1 ? values : values[0];
    }

    on_signal(name, callback) {
        const match = { path: OBJECT, interface: MANAGER, member: name };
        return this.client.subscribe(match, (_path, _interface, _name, args) => callback(...plain(args)));
    }

    // callback(object, interface, properties)
    on_properties(callback) {
        const match = { path_namespace: OBJECT, interface: "org.freedesktop.DBus.Properties", member: "PropertiesChanged" };
        this.client.subscribe(match, (path, _interface, _name, [interface_name, values]) => {
            if (interface_name in PROPERTIES) callback(path, interface_name, known(interface_name, values));
        });
    }

    on_objects(callback) {
        const match = { path: OBJECT, interface: "org.freedesktop.DBus.ObjectManager" };
        this.client.subscribe(match, () => callback());
    }

    async facts() {
        const [values] = await this.client.call(OBJECT, "org.freedesktop.DBus.Properties", "GetAll", [MANAGER], { type: "s" });
        return known(MANAGER, values);
    }

    // A map from object to properties.
    async policies() {
        const [objects] = await this.client.call(OBJECT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", [], { type: "" });
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

export const is_denied = (error) => DENIED.includes(error?.name) || error?.problem === "access-denied";
export const is_gone = (error) => GONE.includes(error?.name) || ["not-found", "disconnected"].includes(error?.problem);
export const is_invalid_policy = (error) => error?.name === "org.guardd.Guard1.Error.InvalidPolicy";

export function error_text(error) {
    if (is_denied(error)) return _("You may not do this. Turn on administrative access in Cockpit, or ask an administrator.");
    if (is_gone(error)) return _("guardd is not running.");
    return sentence(error?.message || error);
}
