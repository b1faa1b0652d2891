// Everything about one incident, in a dialog that follows the incident while it is open; and undoing its fixes.

import { error_text } from "./bus.js";
import {
  command_text,
  from_text,
  more_text,
  process_text,
  severity_word,
  state_of,
  state_word,
  via_text,
  when_text,
  who_text,
} from "./describe.js";
import { el } from "./dom.js";
import { outcome_labels } from "./incidents.js";
import {
  Dialog,
  alert_box,
  announce,
  button,
  code,
  commands,
  facts,
  ownership,
  table,
} from "./parts.js";
import { _, counted, grouped, sentence, visible } from "./text.js";

const FILES_SHOWN = 200;

function commands_list(incident) {
  const all = incident.commands || [];
  return (
    all.length > 1 &&
    el(
      "ul",
      { class: "plain" },
      all.map((each) =>
        el("li", null, code(process_text(each)), each.count > 1 && ` × ${grouped(each.count)}`),
      ),
    )
  );
}

function sample_list(incident) {
  const paths = incident.sample || [];
  return (
    paths.length > 0 && [
      el(
        "ul",
        { class: "plain" },
        paths.map((path) => el("li", null, code(path))),
      ),
      more_text(incident),
    ]
  );
}

function value_text(value) {
  return visible(typeof value === "object" ? JSON.stringify(value) : value);
}

function all_fields(incident) {
  const rows = Object.entries(incident)
    .filter(([name]) => !name.endsWith("_raw") && name !== "grows")
    .sort();
  return el(
    "details",
    { class: "fields" },
    el("summary", null, _("All fields of the record")),
    facts(rows.map(([name, value]) => [visible(name), code(value_text(value))])),
  );
}

function details_body(incident) {
  const place = incident.policy_file && `${incident.policy_file}:${incident.policy_line ?? ""}`;
  return [
    facts([
      [_("State"), `${state_word(state_of(incident))}, ${severity_word(incident.severity)}`],
      [_("When"), when_text(incident)],
      [_("Who"), [who_text(incident), from_text(incident) && `, ${from_text(incident)}`]],
      [_("Command"), command_text(incident) && code(command_text(incident))],
      [_("Via"), via_text(incident)],
      [_("Commands"), commands_list(incident)],
      [_("Directory"), incident.cwd && code(incident.cwd)],
      [_("Unit"), incident.unit && visible(incident.unit)],
      [_("Policy"), [visible(incident.policy), place && [" (", code(place), ")"]]],
      [_("Outcome"), el("span", { class: "outcomes" }, outcome_labels(incident))],
      [_("Reason"), incident.reason && sentence(incident.reason)],
      [_("Files"), sample_list(incident)],
      [_("Instead"), incident.instead && commands(incident.instead)],
    ]),
    all_fields(incident),
  ];
}

export async function show_details(model, id) {
  const dialog = new Dialog(_("Incident"), { wide: true });
  let shown = "";

  function draw(incident) {
    const now = JSON.stringify(incident);
    if (now === shown || !dialog.is_open) return;
    const is_unfolded = dialog.body.querySelector("details")?.open;
    const has_focus = dialog.footer.contains(document.activeElement) || shown === "";
    shown = now;
    const undo =
      model.may.manage &&
      incident.totals?.fixed > 0 &&
      button(
        _("Undo the fixes …"),
        () => {
          dialog.close();
          undo_dialog(model, id);
        },
        { control: "undo" },
      );
    dialog.show(details_body(incident), [undo, dialog.closer()]);
    if (is_unfolded) dialog.body.querySelector("details").open = true;
    if (has_focus) dialog.footer.querySelector("button:last-child").focus();
  }
  const follow = () => {
    const incident = model.incidents.find((each) => each.id === id);
    if (incident) draw(incident);
  };
  dialog.onclose = () => model.removeEventListener("incidents", follow);
  dialog.show(el("p", null, _("Asking guardd …")), [dialog.closer()]);
  try {
    draw(await model.bus.call("GetIncident", id));
    if (dialog.is_open) model.addEventListener("incidents", follow);
  } catch (error) {
    dialog.fail(error_text(error));
  }
}

function undo_table(files) {
  const headings = [_("File"), _("Is"), _("Will be")];
  const rows = files.map((file) => [
    code(file.path),
    ownership(file, "_before"),
    file.restored ? ownership(file, "_after") : _("not restored"),
  ]);
  if (files.some((file) => !file.restored)) {
    headings.push(_("Reason"));
    files.forEach((file, at) => rows[at].push(file.restored ? "" : sentence(file.reason)));
  }
  return table(_("Files"), headings, rows);
}

// Shows first what would happen.
async function undo_dialog(model, id) {
  const dialog = new Dialog(_("Undo the fixes of this incident"), { wide: true });
  dialog.show(el("p", null, _("Looking at the files …")), [dialog.closer()]);

  async function undo() {
    dialog.set_busy(true);
    dialog.fail("");
    try {
      const restored = await model.bus.call("Undo", id);
      const text = counted(restored, "$0 file was restored", "$0 files were restored");
      dialog.show(
        alert_box(
          "success",
          text,
          el("p", null, _("A restored file stays as it is until it is changed again.")),
        ),
        [dialog.closer()],
      );
      announce(text);
      dialog.footer.querySelector("button").focus();
      model.refresh_soon();
    } catch (error) {
      dialog.set_busy(false);
      dialog.fail(error_text(error));
    }
  }

  try {
    const [files, restorable, left] = await model.bus.call("UndoFiles", id, true, FILES_SHOWN);
    const more = restorable + left - files.length;
    dialog.show(
      [
        el(
          "p",
          null,
          restorable > 0
            ? counted(
                restorable,
                "$0 file gets back the owner, group and mode that it had before guardd fixed it.",
                "$0 files get back the owner, group and mode that they had before guardd fixed them.",
              )
            : _("There is nothing to restore."),
        ),
        files.length > 0 && undo_table(files),
        more > 0 &&
          el(
            "p",
            null,
            counted(more, "$0 more file is not shown.", "$0 more files are not shown."),
          ),
      ],
      [
        restorable > 0 &&
          button(counted(restorable, "Restore $0 file", "Restore $0 files"), undo, {
            kind: "primary",
            control: "restore",
          }),
        dialog.closer(restorable > 0 ? _("Cancel") : _("Close")),
      ],
    );
    dialog.footer.querySelector("button").focus();
  } catch (error) {
    dialog.fail(error_text(error));
  }
}
