// An incident in words. Any field may be absent: not every user may see all of them.

import { _, counted, format, grouped, span_text, visible } from "./text.js";

// Names of users and groups, as far as they are known.
const users = new Map([[0, "root"]]);
const groups = new Map([[0, "root"]]);

// Takes them from an explanation of guardd.
export function learn_names(explanation) {
  if (explanation.owner_wanted)
    users.set(explanation.uid_wanted, visible(explanation.owner_wanted));
  if (explanation.group_wanted)
    groups.set(explanation.gid_wanted, visible(explanation.group_wanted));
}

const user_text = (uid) => users.get(uid) || format(_("user $0"), uid);

// "alice as root", "backup.service"
export function who_text(incident) {
  const person =
    incident.human ||
    incident.login_user ||
    (incident.login_uid !== undefined ? user_text(incident.login_uid) : incident.unit);
  const uid = incident.fsuid ?? incident.euid ?? incident.uid;
  const rights = uid !== undefined ? user_text(uid) : "";
  const unknown = incident.operation === "scan" ? _("found by a scan") : _("an unknown process");
  if (!person || person === rights) return visible(rights || unknown);
  return rights ? format(_("$0 as $1"), visible(person), rights) : visible(person);
}

export const process_text = (process) =>
  visible(process?.cmdline || process?.comm || process?.exe || "");

export function command_text(incident) {
  return process_text(incident.command) || process_text(incident);
}

// What the command was started by, the topmost first: "sshd › deploy.sh › make". Empty if unknown, or if it was a person.
export const via_text = (incident) => (incident.via || []).map((each) => visible(each)).join(" › ");

// Where from: the terminal, another machine, a container.
export function from_text(incident) {
  const parts = [];
  if (incident.session_remote_host)
    parts.push(format(_("from $0"), visible(incident.session_remote_host)));
  if (incident.tty || incident.session_tty)
    parts.push(format(_("on $0"), visible(incident.tty || incident.session_tty)));
  if (incident.container) parts.push(format(_("in container $0"), visible(incident.container)));
  return parts.join(", ");
}

const OUTCOMES = ["fixed", "denied", "logged", "skipped"];

export function outcome_word(outcome) {
  switch (outcome) {
    case "fixed":
      return _("fixed");
    case "denied":
      return _("denied");
    case "logged":
      return _("logged");
    case "skipped":
      return _("not fixed");
    default:
      return visible(outcome);
  }
}

// Pairs of outcome and number.
export function outcomes(incident) {
  const totals = incident.totals || { [incident.action]: incident.count || 0 };
  return OUTCOMES.filter((name) => totals[name] > 0).map((name) => [name, totals[name]]);
}

export const files_text = (incident) => counted(incident.count || 0, "$0 file", "$0 files");

export function more_text(incident) {
  const more = (incident.count || 0) - (incident.sample?.length || 0);
  return more > 0 ? format(_("… and $0 more"), grouped(more)) : "";
}

export const when_text = (incident) => span_text(incident.first_seen, incident.last_seen);

export function state_of(incident) {
  if (incident.state === "closed") return "closed";
  return incident.grows ? "growing" : "open";
}

export function state_word(state) {
  switch (state) {
    case "growing":
      return _("Growing");
    case "open":
      return _("Open");
    case "closed":
      return _("Closed");
    case "active":
      return _("Active");
    case "pending":
      return _("Pending");
    case "degraded":
      return _("Degraded");
    case "off":
      return _("Off");
    case "paused":
      return _("Paused");
    case "disabled":
      return _("Disabled");
    default:
      return visible(state);
  }
}

export function severity_word(severity) {
  switch (severity) {
    case "info":
      return _("Info");
    case "low":
      return _("Low");
    case "medium":
      return _("Medium");
    case "high":
      return _("High");
    case "critical":
      return _("Critical");
    default:
      return visible(severity);
  }
}

// "root:root 0644" of a record, by the ends of the names of its fields.
export function ownership_text(record, ending) {
  const uid = record["uid" + ending];
  const gid = record["gid" + ending];
  if (uid === undefined) return "";
  return `${users.get(uid) || uid}:${groups.get(gid) || (gid ?? "?")} ${visible(record["mode" + ending] || "")}`.trim();
}
