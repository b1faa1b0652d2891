// scan, fix and undo.

#include <CLI/CLI.hpp>

#include "guardd/ctl/daemon.h"
#include "guardd/ctl/json.h"
#include "guardd/ctl/loaded.h"
#include "guardd/ctl/verbs.h"
#include "guardd/host/question.h"
#include "guardd/host/users.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

// What has no slash in it is the name of a policy, as in a shell what has none is a command's.
bool is_path(const std::string& where) {
  return where.find('/') != std::string::npos || where == "." || where == "..";
}

// "root:root 0644", from numbers of this machine.
std::string owner_text(const bus::Map& record, const std::string& when) {
  const auto* uid = bus::find<std::uint64_t>(record, "uid_" + when);
  const auto* gid = bus::find<std::uint64_t>(record, "gid_" + when);
  const auto* mode = bus::find<std::string>(record, "mode_" + when);
  if (!uid || !gid) return "";
  const SystemUsers users;
  const auto user = users.user(Uid{static_cast<std::uint32_t>(*uid)});
  const auto group = users.group_name(Gid{static_cast<std::uint32_t>(*gid)});
  return escaped(user && *user ? (*user)->name : std::to_string(*uid)) + ':' +
         escaped(group && *group ? **group : std::to_string(*gid)) +
         (mode ? ' ' + escaped(*mode) : "");
}

std::string list_text(const Terminal& terminal, const std::vector<bus::Map>& files) {
  Table table({"PATH", "IS", "SHOULD BE", "BUT"});
  for (const auto& file : files) {
    const auto text = [&](const char* name) {
      const auto* value = bus::find<std::string>(file, name);
      return value ? *value : std::string();
    };
    const bool is_left = text("action") != "fixed";
    table.add({{escaped(text("path"))},
               {owner_text(file, "before")},
               {owner_text(file, "wanted")},
               {is_left ? printable(text("reason")) : "", Tone::kOdd}});
  }
  return table.text(terminal);
}

// What a fix would do, for scan and for fix --dry-run.
std::string wrong_text(const Terminal& terminal, const bus::Client::Wrong& wrong,
                       const std::string& where) {
  if (wrong.found == 0) return "Nothing is wrong.\n";
  auto text = list_text(terminal, wrong.files) + '\n' +
              counted(wrong.found, "file is", "files are") + " not as wanted";
  if (wrong.files.size() < wrong.found)
    text += "; the first " + grouped(wrong.files.size()) + " are shown";
  return text + ".\nTo put right what can be: guardctl fix" +
         (where.empty() ? "" : ' ' + escaped(where)) + '\n';
}

std::string fix_text(const bus::Totals& totals) {
  if (totals.found == 0) return "Nothing is wrong.\n";
  auto text = counted(totals.found, "file was", "files were") + " not as wanted, " +
              grouped(totals.fixed) + " put right.\n";
  if (totals.fixed < totals.found) text += "Why the others were not: guardctl incidents\n";
  return text;
}

std::string place_of(const std::string& asked) {
  return is_path(asked) ? met_as(asked) : asked;
}

int list_wrong(const Options& options, const std::string& where) {
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto wrong = daemon->find_wrong(where, 0);
  if (!wrong) return fail(wrong.error());
  const int status = wrong->found > 0 ? kFailed : kDone;
  const auto terminal = Terminal::detect(options.pager);
  if (options.json) {
    Json json;
    json["found"] = wrong->found;
    json["wrong"] = Json::array();
    for (const auto& file : wrong->files) json["wrong"].push_back(json_record(file));
    return show_json(terminal, json) ? status : kFailed;
  }
  if (options.quiet) return status;
  return terminal.show(wrong_text(terminal, *wrong, where)) ? status : kFailed;
}

int put_right(const Options& options, const std::string& where) {
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto totals = daemon->scan(where, true);
  if (!totals) return fail(totals.error());
  const int status = totals->found > totals->fixed ? kFailed : kDone;
  const auto terminal = Terminal::detect(options.pager);
  if (options.json) {
    Json json;
    json["found"] = totals->found;
    json["fixed"] = totals->fixed;
    return show_json(terminal, json) ? status : kFailed;
  }
  if (options.quiet) return status;
  return terminal.show(fix_text(*totals)) ? status : kFailed;
}

int undo(const Options& options, const std::string& id) {
  if (id.empty()) return misused("ID is empty", "undo");
  auto daemon = reach_daemon(options);
  if (!daemon) return fail(daemon.error());
  const auto restored = daemon->undo(id);
  if (!restored) return fail(restored.error());
  const auto terminal = Terminal::detect(options.pager);
  if (options.json) {
    Json json;
    json["restored"] = *restored;
    return show_json(terminal, json) ? kDone : kFailed;
  }
  if (options.quiet) return kDone;
  const auto text = *restored == 0
                        ? std::string("Nothing was left to be given back.\n")
                        : counted(*restored, "file was", "files were") + " given back as before.\n";
  return terminal.show(text) ? kDone : kFailed;
}

}  // namespace

Run scan_verb(CLI::App& app) {
  auto where = std::make_shared<std::string>();
  app.add_option("where", *where);
  return [where](const Options& options) { return list_wrong(options, place_of(*where)); };
}

Run fix_verb(CLI::App& app) {
  struct Asked {
    std::string where;
    bool dry_run = false;
  };
  auto asked = std::make_shared<Asked>();
  app.add_option("where", asked->where);
  app.add_flag("--dry-run", asked->dry_run);
  return [asked](const Options& options) {
    const auto where = place_of(asked->where);
    return asked->dry_run ? list_wrong(options, where) : put_right(options, where);
  };
}

Run undo_verb(CLI::App& app) {
  auto id = std::make_shared<std::string>();
  app.add_option("id", *id)->required();
  return [id](const Options& options) { return undo(options, *id); };
}

}  // namespace guard::ctl
