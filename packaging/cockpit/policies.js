// The policies: what they guard, the action that was asked for and the one that is in force, and their pauses.

import { state_word } from "./describe.js";
import { el, show_items } from "./dom.js";
import { button, label } from "./parts.js";
import { _, counted, format, moment_text, sentence, visible } from "./text.js";

const STATE_KIND = {
  active: "good",
  pending: "odd",
  degraded: "bad",
  off: "quiet",
  paused: "odd",
  disabled: "bad",
};

function action_word(action) {
  switch (action) {
    case "off":
      return _("off");
    case "log":
      return _("log");
    case "fix":
      return _("fix");
    case "deny":
      return _("deny");
    default:
      return visible(action);
  }
}

function action_text(policy) {
  const wanted = el("strong", null, action_word(policy.Action));
  if (policy.Action === policy.EffectiveAction) return wanted;
  return [
    wanted,
    el("span", { class: "arrow", "aria-hidden": "true" }, " → "),
    el("span", { class: "for-readers" }, _("but only")),
    " ",
    label("odd", action_word(policy.EffectiveAction)),
  ];
}

// Why a policy does less than it asks for.
function remarks(policy) {
  const lines = (policy.Differences || []).map(sentence);
  if (policy.StateReason && !policy.PausedUntil) lines.unshift(sentence(policy.StateReason));
  if (policy.PausedUntil) {
    const until = moment_text(policy.PausedUntil, { seconds: false });
    const who = visible(policy.PausedBy || _("an administrator"));
    lines.unshift(format(_("Paused until $0 by $1: $2"), until, who, visible(policy.PauseReason)));
  }
  return (
    lines.length > 0 &&
    el(
      "ul",
      { class: "remarks" },
      lines.map((line) => el("li", null, line)),
    )
  );
}

function actions(policy, may, { on_scan, on_pause, on_resume }) {
  const name = visible(policy.Name);
  return el(
    "div",
    { class: "actions" },
    may.manage &&
      button(_("Scan"), () => on_scan(policy), {
        control: "scan",
        describe: format(_("Scan the trees of policy $0"), name),
      }),
    may.pause &&
      (policy.PausedUntil
        ? button(_("Resume"), () => on_resume(policy), {
            control: "pause",
            describe: format(_("Resume policy $0"), name),
          })
        : button(_("Pause"), () => on_pause(policy), {
            control: "pause",
            describe: format(_("Pause policy $0"), name),
          })),
  );
}

function row(policy, may, callbacks) {
  const cell = (name, ...what) => el("td", { "data-label": name }, el("div", null, ...what));
  return el(
    "tr",
    null,
    el(
      "th",
      { scope: "row" },
      visible(policy.Name),
      el("small", null, counted(policy.Violations ?? 0, "$0 violation", "$0 violations")),
    ),
    cell(
      _("Trees"),
      el(
        "ul",
        { class: "plain" },
        (policy.Paths || []).map((path) => el("li", null, el("code", null, visible(path)))),
      ),
    ),
    cell(_("Owner"), el("code", null, `${visible(policy.Owner)}:${visible(policy.Group)}`)),
    cell(_("Action"), action_text(policy)),
    cell(
      _("State"),
      label(STATE_KIND[policy.State] || "odd", state_word(policy.State)),
      remarks(policy),
    ),
    el("td", { class: "last" }, actions(policy, may, callbacks)),
  );
}

export function policies_view(model, callbacks) {
  const body = el("tbody");
  const empty = el("p", { class: "nothing" });
  const table = el(
    "table",
    { class: "table policies" },
    el("caption", { class: "for-readers" }, _("Policies")),
    el(
      "thead",
      null,
      el(
        "tr",
        null,
        [_("Policy"), _("Trees"), _("Owner"), _("Action"), _("State")].map((name) =>
          el("th", { scope: "col" }, name),
        ),
        el("th", { scope: "col" }, el("span", { class: "for-readers" }, _("What you can do"))),
      ),
    ),
    body,
  );
  const section = el(
    "section",
    { class: "card", "aria-labelledby": "policies-title" },
    el("h2", { id: "policies-title" }, _("Policies")),
    table,
    empty,
  );

  function draw() {
    section.hidden = !model.is_running;
    const items = [...model.policies.values()].sort((a, b) => a.Name.localeCompare(b.Name));
    table.hidden = items.length === 0;
    empty.textContent =
      items.length === 0
        ? _("There is no policy. The command guardctl suggest proposes some.")
        : "";
    show_items(
      body,
      items.map((policy) => ({ policy, may: model.may })),
      {
        key: ({ policy }) => policy.Name,
        build: ({ policy, may }) => row(policy, may, callbacks),
      },
    );
  }

  model.addEventListener("policies", draw);
  model.addEventListener("state", draw);
  draw();
  return section;
}
