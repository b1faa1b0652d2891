#include "guardd/ctl/text/proposals.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "policy/base/text.h"

namespace guard::ctl {
namespace {

constexpr std::uint64_t kLeastCount = 2;      // of one file, before it is no coincidence
constexpr std::size_t kLeastFiles = 2;        // files with one ending
constexpr std::size_t kLeastInDirectory = 3;  // files in it, before all of it matches
constexpr std::size_t kMostRules = 20;

// The path of a program that a policy can name; empty if its file is gone.
std::string program_of(const LessonSubject& subject) {
  const auto exe = subject.exe.value_or("");
  const bool is_gone = exe.ends_with(" (deleted)");
  return exe.starts_with('/') && !is_gone && is_utf8(exe) ? exe : std::string();
}

// The name of a service; not of a session, which has a new name each time.
std::string service_of(const LessonSubject& subject) {
  const auto unit = subject.unit.value_or("");
  return unit.ends_with(".service") && !unit.starts_with("user@") && is_utf8(unit) ? unit
                                                                                   : std::string();
}

class Proposer {
 public:
  Proposer(const Lessons& lessons, const std::vector<std::string>& trees, const Users& users)
      : lessons_(lessons), trees_(trees), users_(users) {}

  Proposals propose() && {
    for (const auto& subject : lessons_.subjects) sort(subject);
    // A service with several programs is allowed by its unit, which covers future programs, too.
    for (auto& allow : units_) {
      std::set<std::string> programs;
      for (const auto& each : allow.subjects) programs.insert(program_of(each));
      if (programs.size() == 1) allow.exe = *programs.begin();
      proposals_.allows.push_back(std::move(allow));
    }
    std::move(others_.begin(), others_.end(), std::back_inserter(proposals_.allows));
    std::stable_sort(proposals_.allows.begin(), proposals_.allows.end(),
                     [](const auto& a, const auto& b) { return count_of(a) > count_of(b); });
    rules();
    return std::move(proposals_);
  }

 private:
  static std::uint64_t count_of(const ProposedAllow& allow) {
    std::uint64_t sum = 0;
    for (const auto& each : allow.subjects) sum += each.tally.violations;
    return sum;
  }

  void sort(const LessonSubject& subject) {
    if (subject.label == word(Label::kPackageManager)) {
      proposals_.built_in.push_back(subject);
    } else if (subject.label && parse_word<Label>(*subject.label)) {
      auto& allow = same(others_, [&](const auto& each) { return each.label == *subject.label; });
      allow.label = *subject.label;
      allow.subjects.push_back(subject);
    } else if (subject.person && subject.has_terminal) {
      proposals_.people.push_back(subject);
    } else if (const auto unit = service_of(subject); !unit.empty()) {
      auto& allow = same(units_, [&](const auto& each) { return each.unit == unit; });
      allow.unit = unit;
      allow.subjects.push_back(subject);
    } else {
      outside_services(subject);
    }
  }

  void outside_services(const LessonSubject& subject) {
    ProposedAllow allow;
    allow.exe = program_of(subject);
    allow.user = user_of(subject);
    const auto login = subject.person.value_or("");
    const auto account =
        login.empty() ? Result<std::optional<Account>>(std::nullopt) : users_.user(login);
    if (account && *account) allow.login = login;
    if (allow.exe.empty() && allow.login.empty()) {
      proposals_.unclear.push_back(subject);
      return;
    }
    if (allow.exe.empty())
      allow.warning =
          "allows everything that this person does, even by accident: better name the program";
    else if (!allow.login.empty())
      allow.warning = "a person did this, although not at a terminal: check that it is intended";
    else
      allow.warning = "allows the program outside of any service, too: better name a unit";
    auto& place = same(others_, [&](const auto& each) {
      return each.label.empty() && each.exe == allow.exe && each.user == allow.user &&
             each.login == allow.login;
    });
    if (place.subjects.empty()) place = std::move(allow);
    place.subjects.push_back(subject);
  }

  // Nothing for root: most subjects are root.
  std::string user_of(const LessonSubject& subject) const {
    if (!subject.fsuid || subject.fsuid->value == 0) return {};
    const auto account = users_.user(*subject.fsuid);
    return account && *account ? (*account)->name : std::string();
  }

  template <typename Is>
  static ProposedAllow& same(std::vector<ProposedAllow>& among, Is is) {
    const auto found = std::find_if(among.begin(), among.end(), is);
    return found == among.end() ? among.emplace_back() : *found;
  }

  struct TreeFile {
    std::string relative;
    const LessonFile* file;
  };
  using Owner = std::pair<std::uint32_t, std::uint32_t>;

  std::string relative_to_tree(const std::string& path) const {
    std::size_t longest = 0;
    for (const auto& tree : trees_)
      if (path.starts_with(tree + '/')) longest = std::max(longest, tree.size() + 1);
    return longest == 0 ? std::string() : path.substr(longest);
  }

  static std::string as_pattern(const std::string& name) {
    std::string pattern;
    for (const char c : name) {
      if (std::string_view("*?[]{}\\,").find(c) != std::string_view::npos) pattern += '\\';
      pattern += c;
    }
    return pattern;
  }
  static std::string ending_of(const std::string& relative) {
    const auto name = relative.substr(relative.rfind('/') + 1);
    const auto dot = name.rfind('.');
    return dot == std::string::npos || dot == 0 || dot + 1 == name.size() ? std::string()
                                                                          : name.substr(dot);
  }
  static std::string directory_of(const std::string& relative) {
    const auto slash = relative.rfind('/');
    return slash == std::string::npos ? std::string() : relative.substr(0, slash);
  }

  // Proposes the pattern with the most files first; a file is in one proposal only.
  void rules() {
    for (const auto& file : lessons_.files) {
      auto relative = relative_to_tree(file.path);
      if (!relative.empty() && is_utf8(relative)) files_.push_back({std::move(relative), &file});
    }
    group([](const TreeFile& each) { return ending_of(each.relative); }, kLeastFiles,
          [](const std::string& ending) { return "**/*" + as_pattern(ending); });
    group([](const TreeFile& each) { return directory_of(each.relative); }, kLeastInDirectory,
          [](const std::string& directory) { return as_pattern(directory) + "/**"; });
    for (const auto& each : files_)
      if (is_meant(*each.file) && each.file->count >= kLeastCount)
        add({&each}, as_pattern(each.relative));
    std::stable_sort(proposals_.rules.begin(), proposals_.rules.end(),
                     [](const auto& a, const auto& b) { return a.count > b.count; });
    if (proposals_.rules.size() > kMostRules) proposals_.rules.resize(kMostRules);
  }

  static bool is_meant(const LessonFile& file) { return !file.is_mixed && !file.by_person; }

  template <typename Key, typename Pattern>
  void group(Key key, std::size_t least, Pattern pattern) {
    std::map<std::string, std::vector<const TreeFile*>> groups;
    for (const auto& each : files_)
      if (auto name = key(each); !name.empty()) groups[std::move(name)].push_back(&each);
    std::set<const LessonFile*> taken;
    for (const auto& [name, of] : groups) {
      const Owner owner{of.front()->file->uid.value, of.front()->file->gid.value};
      const bool is_one = std::all_of(of.begin(), of.end(), [&](const TreeFile* each) {
        return is_meant(*each->file) &&
               Owner{each->file->uid.value, each->file->gid.value} == owner;
      });
      if (!is_one || of.size() < least) continue;
      add(of, pattern(name));
      for (const auto* each : of) taken.insert(each->file);
    }
    std::erase_if(files_, [&](const TreeFile& each) { return taken.count(each.file) > 0; });
  }

  void add(const std::vector<const TreeFile*>& of, std::string match) {
    ProposedRule rule;
    rule.match = std::move(match);
    const auto& first = *of.front()->file;
    const auto account = users_.user(first.uid);
    rule.owner = account && *account ? (*account)->name : std::to_string(first.uid.value);
    const auto group = users_.group_name(first.gid);
    rule.group = group && *group ? **group : std::to_string(first.gid.value);
    rule.files = of.size();
    rule.example = first.path;
    for (const auto* each : of) rule.count += each->file->count;
    proposals_.rules.push_back(std::move(rule));
  }

  const Lessons& lessons_;
  const std::vector<std::string>& trees_;
  const Users& users_;
  Proposals proposals_;
  std::vector<ProposedAllow> units_;
  std::vector<ProposedAllow> others_;
  std::vector<TreeFile> files_;
};

}  // namespace

Proposals propose(const Lessons& lessons, const std::vector<std::string>& trees,
                  const Users& users) {
  return Proposer(lessons, trees, users).propose();
}

}  // namespace guard::ctl
