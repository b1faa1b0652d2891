// Explains what would happen at a path.

import { bytes_of, error_text } from "./bus.js";
import { outcome_word, ownership_text } from "./describe.js";
import { el, fill } from "./dom.js";
import { OPERATIONS } from "./names.js";
import { alert_box, code, facts, label, table } from "./parts.js";
import { _, format, sentence, visible } from "./text.js";

const LARGEST_UID = 4294967294;
const KIND = { fixed: "good", denied: "blue", logged: "quiet", skipped: "bad" };

function steps_list(steps) {
  return (
    steps?.length > 0 &&
    el(
      "ol",
      { class: "steps" },
      steps.map((step) =>
        el(
          "li",
          null,
          sentence(step.text),
          step.file && [" ", el("small", null, code(`${step.file}:${step.line ?? ""}`))],
        ),
      ),
    )
  );
}

function present_text(explanation) {
  const now = explanation.now;
  if (!now) return explanation.unseen && sentence(explanation.unseen);
  return [
    `${visible(now.file_type)}, ${ownership_text({ uid_: now.uid, gid_: now.gid, mode_: now.mode }, "_")}`,
    now.wrong?.length > 0 && [
      " ",
      label("bad", format(_("wrong: $0"), now.wrong.map((each) => visible(each)).join(", "))),
    ],
  ];
}

function operation_row(operation) {
  const outcome = operation.violation
    ? label(KIND[operation.outcome] || "quiet", outcome_word(operation.outcome))
    : _("allowed");
  return [
    code(operation.operation),
    outcome,
    [
      sentence(operation.because),
      operation.steps?.length > 0 &&
        el("details", null, el("summary", null, _("Steps")), steps_list(operation.steps)),
    ],
  ];
}

function result(explanation) {
  const place =
    explanation.policy_file && `${explanation.policy_file}:${explanation.policy_line ?? ""}`;
  const wanted =
    explanation.owner_wanted &&
    `${visible(explanation.owner_wanted)}:${visible(explanation.group_wanted)} ${visible(explanation.mode_wanted || "")}`.trim();
  return [
    facts([
      [_("Path"), code(explanation.path)],
      [
        _("Policy"),
        explanation.policy
          ? [visible(explanation.policy), place && [" (", code(place), ")"]]
          : _("none"),
      ],
      [_("Tree"), explanation.tree && code(explanation.tree)],
      [_("Action"), explanation.action && visible(explanation.action)],
      [_("Wanted"), wanted && code(wanted)],
      [_("Is now"), present_text(explanation)],
    ]),
    steps_list(explanation.steps),
    explanation.operations?.length > 0 &&
      table(
        _("Operations"),
        [_("Operation"), _("Outcome"), _("Because")],
        explanation.operations.map(operation_row),
      ),
  ];
}

export function explain_view(model) {
  const path = el("input", {
    id: "explain-path",
    type: "text",
    placeholder: "/srv/…",
    autocomplete: "off",
    spellcheck: "false",
  });
  const user = el("input", {
    id: "explain-user",
    type: "number",
    min: 0,
    max: LARGEST_UID,
    value: 0,
    "aria-describedby": "explain-user-hint",
  });
  const operation = el(
    "select",
    { id: "explain-operation" },
    el("option", { value: "" }, _("Any")),
    OPERATIONS.map((word) => el("option", { value: word }, word)),
  );
  const answer = el("div", { class: "answer", "aria-live": "polite" });

  function reject(field, text) {
    fill(answer, alert_box("danger", text));
    field.focus();
  }

  async function ask(event) {
    event.preventDefault();
    const text = path.value.trim();
    const uid = Number(user.value);
    if (!text.startsWith("/"))
      return reject(path, _("Enter an absolute path: it begins with a slash."));
    if (!Number.isInteger(uid) || uid < 0 || uid > LARGEST_UID)
      return reject(user, _("Enter the number of a user."));
    fill(answer, el("p", null, _("Asking guardd …")));
    try {
      fill(answer, result(await model.bus.call("Explain", bytes_of(text), uid, operation.value)));
    } catch (error) {
      fill(answer, alert_box("danger", error_text(error)));
    }
    return undefined;
  }

  const section = el(
    "section",
    { class: "card", "aria-labelledby": "explain-title" },
    el("h2", { id: "explain-title" }, _("Explain a path")),
    el(
      "p",
      { class: "note" },
      _(
        "Which policy applies to a path, and what would happen if this user changed something there?",
      ),
    ),
    el(
      "form",
      { class: "explain", onsubmit: ask, novalidate: true },
      el(
        "div",
        { class: "field field-wide" },
        el("label", { for: "explain-path" }, _("Path")),
        path,
      ),
      el(
        "div",
        { class: "field" },
        el("label", { for: "explain-user" }, _("User id")),
        user,
        el("small", { id: "explain-user-hint" }, _("0 is root")),
      ),
      el(
        "div",
        { class: "field" },
        el("label", { for: "explain-operation" }, _("Operation")),
        operation,
      ),
      el(
        "button",
        { type: "submit", class: "button button-secondary", "data-control": "explain" },
        _("Explain"),
      ),
    ),
    answer,
  );
  const draw = () => {
    section.hidden = !model.is_running;
  };
  model.addEventListener("state", draw);
  draw();
  return section;
}
