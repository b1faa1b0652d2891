// The newest incidents, as they open, grow and close.

import {
  command_text,
  files_text,
  from_text,
  outcome_word,
  outcomes,
  severity_word,
  state_of,
  state_word,
  via_text,
  when_text,
  who_text,
} from "./describe.js";
import { el, fill, show_items } from "./dom.js";
import { LARGEST_LIMIT } from "./model.js";
import { alert_box, announce, button, code, commands, label } from "./parts.js";
import { error_text } from "./bus.js";
import { _, counted, format, grouped, visible } from "./text.js";

const ANNOUNCE_MS = 4000;
const LONGEST_COMMAND = 300;
const LONGEST_PATH = 200;
const MOST_COMMANDS = 8; // that guardd lists
const OUTCOME_KIND = { fixed: "good", denied: "blue", logged: "quiet", skipped: "bad" };

export const outcome_labels = (incident) =>
  outcomes(incident).map(([name, number]) =>
    label(OUTCOME_KIND[name], `${grouped(number)} ${outcome_word(name)}`),
  );

function state_label(incident) {
  const state = state_of(incident);
  return el("span", { class: `state state-${state}` }, state_word(state));
}

function files(incident) {
  const paths = incident.sample || [];
  const first = paths[0] && code(paths[0], LONGEST_PATH);
  const more = (incident.count || 0) - 1;
  return [
    first || files_text(incident),
    first &&
      more > 0 &&
      format(" $0", counted(more, "and $0 more file", "and $0 more files")),
  ];
}

function others_text(incident) {
  const all = incident.commands?.length || 0;
  if (all < 2) return "";
  return all < MOST_COMMANDS
    ? counted(all - 1, "and $0 other command", "and $0 other commands")
    : _("and more commands");
}

function item(incident, on_details) {
  const typed = command_text(incident);
  const via = via_text(incident);
  const from = from_text(incident);
  const others = others_text(incident);
  return el(
    "li",
    { class: `incident severity-${visible(incident.severity)}` },
    el(
      "div",
      { class: "incident-head" },
      state_label(incident),
      el("time", { datetime: incident.last_seen }, when_text(incident)),
      label("quiet", visible(incident.policy)),
      el("span", { class: "severity" }, severity_word(incident.severity)),
      el("span", { class: "outcomes" }, outcome_labels(incident)),
    ),
    el(
      "p",
      { class: "incident-what" },
      el("strong", null, who_text(incident)),
      typed && [": ", code(typed, LONGEST_COMMAND)],
      others && [" ", others],
    ),
    (via || from) &&
      el(
        "p",
        { class: "incident-via" },
        via && [_("via"), " ", el("span", { dir: "ltr" }, visible(via, LONGEST_COMMAND))],
        via && from && ", ",
        from,
      ),
    el("p", { class: "incident-files" }, files(incident)),
    incident.instead &&
      el("p", { class: "incident-instead" }, _("Instead:"), " ", commands(incident.instead)),
    button(_("Details"), () => on_details(incident.id), {
      kind: "link",
      control: "details",
      describe: format(_("Details of incident $0"), visible(incident.id)),
    }),
  );
}

// Tells a screen reader of new incidents: of one by name, of many by their number, and not all the time.
function announcer() {
  let waiting = [];
  let timer = null;
  const flush = () => {
    const [first] = waiting;
    announce(
      waiting.length === 1
        ? format(_("New incident of policy $0: $1"), first.policy, first.who)
        : counted(waiting.length, "$0 new incident", "$0 new incidents"),
    );
    waiting = [];
    timer = null;
  };
  return (incident) => {
    if (waiting.length < 1000)
      waiting.push({ policy: visible(incident.policy), who: who_text(incident) });
    timer ??= setTimeout(flush, ANNOUNCE_MS);
  };
}

export function incidents_view(model, on_details) {
  const list = el("ol", { class: "incidents", "aria-labelledby": "incidents-title" });
  const alerts = el("div");
  const empty = el(
    "p",
    { class: "nothing", hidden: true },
    _("No policy was broken. What happens from now on appears here."),
  );
  const more = button(_("Show older incidents"), () => model.show_more(), { kind: "link" });
  const full = el(
    "p",
    { class: "nothing", hidden: true },
    format(
      _("These are the newest $0. The command guardctl incidents shows older ones."),
      grouped(LARGEST_LIMIT),
    ),
  );
  const section = el(
    "section",
    { class: "card", "aria-labelledby": "incidents-title" },
    el("h2", { id: "incidents-title" }, _("Incidents")),
    alerts,
    empty,
    list,
    more,
    full,
  );

  function draw() {
    section.hidden = !model.is_running;
    fill(alerts, model.trouble && alert_box("danger", error_text(model.trouble)));
    empty.hidden = model.incidents.length > 0 || Boolean(model.trouble);
    more.hidden = !model.has_more || model.limit >= LARGEST_LIMIT;
    full.hidden = !model.has_more || model.limit < LARGEST_LIMIT;
    show_items(list, model.incidents, {
      key: (incident) => incident.id,
      build: (incident) => item(incident, on_details),
    });
  }

  const tell = announcer();
  model.addEventListener("opened", (event) => tell(event.detail));
  model.addEventListener("incidents", draw);
  model.addEventListener("state", draw);
  draw();
  return section;
}
