// What the page knows of guardd: its state, its policies, and the newest incidents, of which there is a bounded number.
// Tells of changes by the events "state", "policies", "incidents", "opened" and "progress".
//
// A counter that changes is a hint that something happened. The page then asks for the incidents that have changed: once a
// second at most, less often the more there are, and not while the page is hidden. The bridge of Cockpit 287 never
// frees what it has passed on.

import { Bus, bytes_of, is_denied, is_gone } from "./bus.js";
import { learn_names } from "./describe.js";
import { MANAGER } from "./names.js";

const cockpit = window.cockpit;
const REFRESH_MS = 1000;
const MS_PER_INCIDENT = 200;
const FOLLOW_MS = 3000; // to see that an open incident has closed, which no counter tells
const STATE_MS = 300;
const FIRST_LIMIT = 25;
export const LARGEST_LIMIT = 200;
const MOST_NAMES = 50;
const COUNTERS = ["Violations", "Denied", "Fixed", "Lost"];

export class Model extends EventTarget {
  constructor(bus = new Bus()) {
    super();
    this.bus = bus;
    this.is_known = false; // whether guardd runs
    this.is_running = false;
    this.facts = {};
    this.policies = new Map();
    this.incidents = [];
    this.has_more = false;
    this.trouble = null; // why there is no list of incidents
    this.limit = FIRST_LIMIT;
    this.may = { manage: false, pause: false };
    this.wants_all = true; // not only the incidents that have changed
    this.next_at = 0; // before that, the list is not asked for again
    this.timer = null;
    this.timer_at = 0;
    this.state_timer = null;
    this.is_asking = false;
    this.is_stale = false;
  }

  start() {
    this.bus.on_owner((is_running) => this.set_running(is_running));
    this.bus.on_properties((path, of, values) => this.change_properties(path, of, values));
    this.bus.on_objects(() => this.load_state_soon());
    this.bus.on_signal("PolicyReloaded", () => this.load_state_soon());
    this.bus.on_signal("ScanProgress", (looked_at, expected, found, fixed) =>
      this.tell("progress", { looked_at, expected, found, fixed }),
    );
    cockpit.addEventListener("visibilitychange", () => this.is_stale && this.refresh_soon());
    this.load();
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  set_running(is_running) {
    if (is_running) {
      this.load();
      return;
    }
    this.is_known = true;
    this.is_running = false;
    this.tell("state");
  }

  async load() {
    await this.load_state();
    if (!this.is_running) return;
    await Promise.all([this.load_rights(), this.load_names()]);
    await this.refresh_all();
  }

  // A reload tells of each policy.
  load_state_soon() {
    this.state_timer ??= setTimeout(() => {
      this.state_timer = null;
      this.load_state();
    }, STATE_MS);
  }

  async load_state() {
    try {
      this.facts = await this.bus.facts();
      this.policies = await this.bus.policies();
      this.is_running = true;
    } catch (error) {
      this.is_running = false;
      if (!is_gone(error)) console.warn(error);
    }
    this.is_known = true;
    this.tell("state");
    this.tell("policies");
  }

  // Asks for nothing that exists: the answer says whether polkit would permit it, and nothing happens.
  async load_rights() {
    const permits = async (...call) => {
      try {
        await this.bus.call(...call);
        return true;
      } catch (error) {
        return !is_denied(error) && !is_gone(error);
      }
    };
    const [manage, pause] = await Promise.all([
      permits("UndoFiles", "", true, 1),
      permits("Resume", ""),
    ]);
    this.may = { manage, pause };
    this.tell("state");
    this.tell("policies");
  }

  // Records have only numbers of users. guardd knows the names of those that its policies want.
  async load_names() {
    const trees = [...this.policies.values()]
      .slice(0, MOST_NAMES)
      .map((policy) => policy.Paths?.[0])
      .filter(Boolean);
    const asked = trees.map((tree) =>
      this.bus.call("Explain", bytes_of(tree), 0, "read").then(learn_names),
    );
    await Promise.allSettled(asked);
  }

  change_properties(path, of, values) {
    if (of === MANAGER) {
      Object.assign(this.facts, values);
      this.tell("state");
      if (COUNTERS.some((name) => name in values)) this.refresh_soon();
    } else if (this.policies.has(path)) {
      Object.assign(this.policies.get(path), values);
      this.tell("policies");
    }
  }

  refresh_soon(wait = 0) {
    this.is_stale = true;
    const at = Math.max(Date.now() + wait, this.next_at);
    if (cockpit.hidden || this.is_asking || (this.timer && this.timer_at <= at)) return;
    clearTimeout(this.timer);
    this.timer_at = at;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.refresh();
    }, at - Date.now());
  }

  // What has changed since then: the newest of them, or one that is open.
  changed_since() {
    const times = this.incidents
      .filter((incident, at) => at === 0 || incident.state !== "closed")
      .map((incident) => Date.parse(incident.last_seen))
      .filter(Number.isFinite);
    return times.length > 0 ? { since: { t: "t", v: Math.min(...times) * 1000 } } : {};
  }

  refresh_all() {
    this.wants_all = true;
    return this.refresh();
  }

  async refresh() {
    if (this.is_asking) return;
    this.is_asking = true;
    this.is_stale = false;
    // One more than is shown tells whether there are more.
    const filter = {
      limit: { t: "u", v: this.limit + 1 },
      ...(this.wants_all ? {} : this.changed_since()),
    };
    this.wants_all = false;
    try {
      const answer = await this.bus.call("ListIncidents", filter);
      this.next_at =
        Date.now() + Math.max(REFRESH_MS, filter.since ? MS_PER_INCIDENT * answer.length : 0);
      this.take(answer, Boolean(filter.since));
      this.trouble = null;
    } catch (error) {
      this.next_at = Date.now() + FOLLOW_MS;
      this.trouble = error;
      this.wants_all = true;
    }
    this.is_asking = false;
    this.tell("incidents");
    if (!this.is_running) return;
    if (this.is_stale || this.wants_all) this.refresh_soon();
    else if (this.incidents.some((incident) => incident.state !== "closed"))
      this.refresh_soon(FOLLOW_MS);
  }

  // All incidents, or only those that have changed.
  take(answer, are_changes) {
    const before = new Map(this.incidents.map((incident) => [incident.id, incident]));
    for (const incident of answer) {
      const old = before.get(incident.id);
      if (are_changes && !old) this.tell("opened", incident);
      if (incident.state !== "closed") incident.grows = Boolean(old) && old.count < incident.count;
    }
    let all = answer;
    if (are_changes && answer.length <= this.limit) {
      const changed = new Set(answer.map((incident) => incident.id));
      all = [...answer, ...this.incidents.filter((incident) => !changed.has(incident.id))].sort(
        (a, b) => (a.last_seen < b.last_seen ? 1 : a.last_seen > b.last_seen ? -1 : 0),
      );
    }
    this.has_more = all.length > this.limit || (are_changes && this.has_more);
    this.incidents = all.slice(0, this.limit);
  }

  show_more() {
    this.limit = Math.min(LARGEST_LIMIT, this.limit * 2);
    return this.refresh_all();
  }
}
