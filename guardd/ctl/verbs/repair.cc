// scan, fix and undo.

#include <functional>
#include <iostream>

#include "guardd/ctl/ask/connect.h"
#include "guardd/ctl/ask/policies.h"
#include "guardd/ctl/screen/interrupt.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/screen/progress.h"
#include "guardd/ctl/text/incident_text.h"
#include "guardd/ctl/verbs/verbs.h"
#include "guardd/host/path_facts.h"
#include "guardd/host/users.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

struct FixOptions {
  std::string where;
  bool dry_run = false;
};

struct UndoOptions {
  std::string id;
  bool dry_run = false;
};

// A word without a slash is a policy, just as a shell takes a word without a slash as a command.
bool is_path(const std::string& where) {
  return where.find('/') != std::string::npos || where == "." || where == "..";
}

// "root:root 0644"
std::string owner_text(const bus::Map& record, const std::string& when) {
  const auto* uid = bus::find<std::uint64_t>(record, "uid_" + when);
  const auto* gid = bus::find<std::uint64_t>(record, "gid_" + when);
  const auto* mode = bus::find<std::string>(record, "mode_" + when);
  if (!uid || !gid) return "";
  return escaped(owner_name(Uid{static_cast<std::uint32_t>(*uid)},
                            Gid{static_cast<std::uint32_t>(*gid)})) +
         (mode ? ' ' + escaped(*mode) : "");
}

std::string list_text(const Terminal& terminal, const std::vector<bus::Map>& files) {
  Table table({"PATH", "IS", "SHOULD BE", "BUT"});
  for (const auto& file : files) {
    const bool is_left = text_of(file, "action") != "fixed";
    table.add({{text_of(file, "path")},
               {owner_text(file, "before")},
               {owner_text(file, "wanted")},
               {is_left ? text_of(file, "reason") : "", Tone::kOdd}});
  }
  return table.text(terminal);
}

// What a fix would do; for scan and fix --dry-run.
std::string wrong_text(const Terminal& terminal, const bus::Client::WrongFiles& wrong,
                       const std::string& where) {
  if (wrong.found == 0) return "Nothing is wrong.\n";
  auto text = list_text(terminal, wrong.files) + '\n' +
              counted(wrong.found, "file is", "files are") + " not as wanted";
  if (wrong.files.size() < wrong.found)
    text += "; the first " + grouped(wrong.files.size()) + " are shown";
  return text + ".\nTo fix them: guardctl fix" + (where.empty() ? "" : ' ' + escaped(where)) + '\n';
}

std::string fix_text(const bus::Totals& totals) {
  if (totals.found == 0) return "Nothing is wrong.\n";
  auto text = counted(totals.found, "file was", "files were") + " not as wanted, " +
              grouped(totals.fixed) + " fixed.\n";
  if (totals.fixed < totals.found) text += "To see why the others were not: guardctl incidents\n";
  return text;
}

std::string place_of(const std::string& asked) {
  return is_path(asked) ? resolved_path(asked) : asked;
}

// Runs a scan in guardd, and shows its progress. Ctrl-C ends it.
template <typename T>
bus::Answer<T> run_scan(const Options& options,
                        const std::function<bus::Answer<T>(const bus::PendingSignals&)>& go) {
  const auto stop = stop_requests();
  if (!stop) return bus::Failure{bus::Kind::kFailed, stop.error().text()};
  Progress progress(options);
  auto answer = go({[&](const bus::ScanNow& now) { progress.show(now); }, stop->get()});
  const auto& last = progress.end();
  if (answer || answer.error().kind != bus::Kind::kStopped) return answer;
  std::cerr << "guardctl: stopped";
  if (last) {
    std::cerr << " after " << counted(last->looked_at, "file", "files") << ", "
              << grouped(last->found) << " of them wrong";
    if (last->fixed > 0)
      std::cerr << ", " << grouped(last->fixed)
                << " fixed: guardctl incidents lists them, guardctl undo restores them";
  }
  std::cerr << '\n';
  end_by_signal(*stop);
  return answer;
}

bus::Answer<int> list_wrong(const Options& options, const std::string& where) {
  GUARD_TRY(auto daemon, reach_daemon(options));
  GUARD_TRY(const auto wrong,
            run_scan<bus::Client::WrongFiles>(options, [&](const auto& meanwhile) {
              return daemon.find_wrong(where, 0, meanwhile);
            }));
  Json json;
  json["found"] = wrong.found;
  json["wrong"] = json_records(wrong.files);
  return show_result(
      options, wrong.found > 0 ? kFailed : kDone, [&] { return json; },
      [&](const Terminal& terminal) { return wrong_text(terminal, wrong, where); });
}

bus::Answer<int> fix_files(const Options& options, const std::string& where) {
  GUARD_TRY(auto daemon, reach_daemon(options));
  GUARD_TRY(const auto totals, run_scan<bus::Totals>(options, [&](const auto& meanwhile) {
              return daemon.scan(where, true, meanwhile);
            }));
  Json json;
  json["found"] = totals.found;
  json["fixed"] = totals.fixed;
  return show_result(
      options, totals.found > totals.fixed ? kFailed : kDone, [&] { return json; },
      [&](const Terminal& /*terminal*/) { return fix_text(totals); });
}

std::string undo_text(const Terminal& terminal, const bus::Client::UndoResult& result,
                      bool dry_run) {
  Table table({"PATH", "FROM", "BACK TO"});
  for (const auto& file : result.files) {
    const auto why_left = text_of(file, "reason");
    table.add({{text_of(file, "path")},
               {owner_text(file, "before")},
               why_left.empty() ? Table::Cell{owner_text(file, "after")}
                                : Table::Cell{"left: " + why_left, Tone::kOdd}});
  }
  auto text = result.files.empty() ? "" : table.text(terminal) + '\n';
  if (const auto shown = result.files.size(); shown < result.restored + result.left)
    text += "The first " + grouped(shown) + " are shown.\n";
  const auto one = dry_run ? "file would be" : "file was";
  const auto many = dry_run ? "files would be" : "files were";
  if (result.restored == 0 && result.left == 0) return "guardd fixed nothing in this incident.\n";
  text += counted(result.restored, one, many) + " restored";
  if (result.left > 0)
    text += ", " + grouped(result.left) + " left as " + (result.left == 1 ? "it is" : "they are");
  return text + ".\n";
}

bus::Answer<int> undo(const Options& options, const std::string& id, bool dry_run) {
  if (id.empty()) return misused("ID is empty", "undo");
  GUARD_TRY(auto daemon, reach_daemon(options));
  GUARD_TRY(const auto result, daemon.undo_files(id, dry_run, 0));
  Json json;
  json["restored"] = result.restored;
  json["left"] = result.left;
  json["files"] = json_records(result.files);
  return show_result(
      options, result.left > 0 ? kFailed : kDone, [&] { return json; },
      [&](const Terminal& terminal) { return undo_text(terminal, result, dry_run); });
}

}  // namespace

Run scan_verb(Arguments& arguments) {
  auto where = std::make_shared<std::string>();
  arguments.option("where", *where);
  return
      [where](const Options& options) { return status_of(list_wrong(options, place_of(*where))); };
}

Run fix_verb(Arguments& arguments) {
  auto asked = std::make_shared<FixOptions>();
  arguments.option("where", asked->where);
  arguments.flag("--dry-run", asked->dry_run);
  return [asked](const Options& options) {
    const auto where = place_of(asked->where);
    return status_of(asked->dry_run ? list_wrong(options, where) : fix_files(options, where));
  };
}

Run undo_verb(Arguments& arguments) {
  auto asked = std::make_shared<UndoOptions>();
  arguments.required("id", asked->id);
  arguments.flag("--dry-run", asked->dry_run);
  return [asked](const Options& options) {
    return status_of(undo(options, asked->id, asked->dry_run));
  };
}

}  // namespace guard::ctl
