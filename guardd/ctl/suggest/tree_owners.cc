#include "guardd/ctl/suggest/tree_owners.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "guardd/ctl/suggest/pattern.h"

namespace guard::suggest {
namespace {

constexpr std::size_t kMostNames = 20;       // single names in one policy
constexpr std::size_t kMostPatterns = 50;    // of each kind: more rules are not readable
constexpr std::size_t kLeastForPattern = 3;  // files with the same ending

constexpr std::uint32_t kSetGid = 02000;
constexpr std::uint32_t kGroupWrites = 0020;
constexpr std::uint32_t kOthersWrite = 0002;
constexpr Gid kRootGroup{0};

// Ordinary entries belong to the owner of most entries.
enum class Kind : std::uint8_t { kOrdinary, kIntended, kStray };

struct Category {
  Kind kind = Kind::kOrdinary;
  Owner owner;
  bool is_made_as_root = false;
  friend bool operator==(const Category&, const Category&) = default;
};

std::string ending(const std::string& name) {
  constexpr std::size_t kLongest = 16;
  const auto dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == name.size() ||
      name.size() - dot > kLongest)
    return {};
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto end = name.substr(dot + 1);
  return std::all_of(end.begin(), end.end(), is_plain) ? end : std::string();
}

std::optional<Mode> usual_mode(const std::map<std::uint32_t, std::size_t>& modes) {
  std::size_t all = 0;
  std::pair<std::uint32_t, std::size_t> most{0, 0};
  for (const auto& mode : modes) {
    all += mode.second;
    if (mode.second > most.second) most = mode;
  }
  const bool nearly_all = all >= 3 && most.second * 20 >= all * 19;
  return nearly_all ? std::optional(Mode{most.first}) : std::nullopt;
}

// By owner, with those of packages apart.
using Rules = std::map<std::pair<Owner, bool>, OwnerRule>;

class Sorter {
 public:
  Sorter(const WalkedTree& tree, const Expectation& expected)
      : tree_(tree), expected_(expected), categories_(tree.entries.size()) {}

  TreeOwners run() {
    const auto& entries = tree_.entries;
    found_.entries = entries.size() - 1;
    for (const auto& entry : entries)
      if (entry.name == ".git" && entry.parent == 0) found_.is_deployed_by_git = true;
    find_most();
    for (std::size_t at = 0; at < entries.size(); ++at) categories_[at] = category_of(at);
    if (expected_.trusts_present && !found_.is_deployed_by_git) trust_whole_directories();
    count();
    covered_.assign(entries.size(), false);
    write(Kind::kIntended);
    write(Kind::kStray);
    return std::move(found_);
  }

 private:
  void find_most() {
    std::map<Owner, std::size_t> owners;
    const auto& entries = tree_.entries;
    for (std::size_t at = entries.size() == 1 ? 0 : 1; at < entries.size(); ++at) {
      const auto& entry = entries[at];
      if (!expected_.owner || (entry.owner.uid == *expected_.owner && entry.is_regular()))
        ++owners[entry.owner];
    }
    const auto most =
        std::max_element(owners.begin(), owners.end(), [](const auto& a, const auto& b) {
          return std::tuple(a.second, a.first.uid != kRoot) <
                 std::tuple(b.second, b.first.uid != kRoot);
        });
    found_.most = most != owners.end() ? most->first : of_new_files();
  }

  // The directories that a package creates need not have the group of the files in them.
  Owner of_new_files() const {
    const auto& root = tree_.entries.front();
    const bool is_inherited = (root.mode & kSetGid) != 0;
    return {*expected_.owner, is_inherited ? root.owner.gid : expected_.group.value_or(kRootGroup)};
  }

  Category category_of(std::size_t at) const {
    const auto& entry = tree_.entries[at];
    if (at == 0 && expected_.is_unpacked && entry.owner != Owner{kRoot, kRootGroup})
      return {Kind::kIntended, entry.owner, true};
    if (entry.owner == found_.most) return {};
    Category category{Kind::kIntended, entry.owner};
    if (at == 0) {
      const bool is_roots = entry.owner == Owner{kRoot, kRootGroup};
      if (is_roots && found_.is_deployed_by_git) category.kind = Kind::kStray;
      if (is_roots && !expected_.trusts_present) category.kind = Kind::kStray;
      if (expected_.is_given) category.kind = Kind::kStray;
      return category;
    }
    if (entry.owner.uid != kRoot) return category;
    const auto& parent = tree_.entries[entry.parent];
    const bool is_inherited = (parent.mode & kSetGid) != 0 && parent.owner.gid == entry.owner.gid;
    if (entry.owner.gid == kRootGroup || is_inherited) category.kind = Kind::kStray;
    if (category.kind != Kind::kStray) return category;
    const auto& above = categories_[entry.parent];
    const bool is_inside = entry.parent != 0 && above.is_made_as_root;
    if (!is_inside && !made_as_root(at)) return category;
    category.kind = Kind::kIntended;
    category.is_made_as_root = true;
    return category;
  }

  std::optional<std::string> made_as_root(std::size_t at) const {
    const auto& entry = tree_.entries[at];
    if (at == 0 || entry.owner.uid != kRoot || !expected_.made_as_root ||
        (entry.is_directory() && service_writes(entry)))
      return std::nullopt;
    return expected_.made_as_root(tree_.path_of(at), entry);
  }

  bool service_writes(const Entry& directory) const {
    return (directory.mode & kOthersWrite) != 0 ||
           ((directory.mode & kGroupWrites) != 0 && directory.owner.gid == found_.most.gid);
  }

  // The topmost directories that belong to root with all their contents.
  void trust_whole_directories() {
    const auto& entries = tree_.entries;
    std::vector<bool> whole(entries.size());
    std::vector<std::size_t> below(entries.size());
    for (std::size_t at = 0; at < entries.size(); ++at) {
      whole[at] = categories_[at].kind == Kind::kStray &&
                  !(entries[at].is_directory() && service_writes(entries[at]));
    }
    for (std::size_t at = entries.size() - 1; at > 0; --at) {
      if (!whole[at]) whole[entries[at].parent] = false;
      ++below[entries[at].parent];
    }
    whole[0] = false;
    for (std::size_t at = 1; at < entries.size(); ++at) {
      const bool inside = entries[at].parent != 0 && whole[entries[at].parent];
      const bool begins = entries[at].is_directory() && below[at] > 0;
      whole[at] = whole[at] && (inside || begins);
      if (whole[at]) categories_[at].kind = Kind::kIntended;
    }
  }

  void count() {
    std::map<std::uint32_t, std::size_t> file_modes;
    std::map<std::uint32_t, std::size_t> dir_modes;
    for (std::size_t at = 0; at < tree_.entries.size(); ++at) {
      const auto& entry = tree_.entries[at];
      if (categories_[at].kind != Kind::kOrdinary) continue;
      if (at != 0) ++found_.of_most;
      if (entry.is_regular()) ++file_modes[entry.mode & 07777U];
      if (entry.is_directory()) ++dir_modes[entry.mode & 07777U];
    }
    found_.file_mode = usual_mode(file_modes);
    found_.dir_mode = usual_mode(dir_modes);
  }

  // Directories first, then single names, then endings, so that no pattern matches what a later one
  // is for.
  void write(Kind kind) {
    Rules places;
    Rules endings;
    Rules unsaid;
    write_directories(kind, places);
    write_endings(kind, endings);
    write_names(kind, places, unsaid);
    auto& to = kind == Kind::kIntended ? found_.rules : found_.strays;
    for (auto* rules : {&places, &endings})
      for (auto& [owner, rule] : *rules) to.push_back(std::move(rule));
    for (auto& [owner, rule] : unsaid) found_.unsaid.push_back(std::move(rule));
  }

  static OwnerRule& rule_of(Rules& rules, const Category& category) {
    auto& rule = rules[{category.owner, category.is_made_as_root}];
    rule.owner = category.owner;
    rule.is_made_as_root = category.is_made_as_root;
    return rule;
  }

  OwnerRule& rule(Rules& rules, std::size_t at) {
    auto& rule = rule_of(rules, categories_[at]);
    if (rule.entries == 0) rule.example = tree_.path_of(at);
    ++rule.entries;
    return rule;
  }

  // The topmost directories whose contents are all of one category.
  void write_directories(Kind kind, Rules& rules) {
    const auto& entries = tree_.entries;
    std::vector<std::optional<Category>> contents(entries.size());
    std::vector<bool> mixed(entries.size());
    std::vector<std::size_t> below(entries.size());
    for (std::size_t at = entries.size() - 1; at > 0; --at) {
      const auto parent = entries[at].parent;
      below[parent] += below[at] + 1;
      if (mixed[at] || (contents[at] && *contents[at] != categories_[at])) mixed[parent] = true;
      if (contents[parent] && *contents[parent] != categories_[at]) mixed[parent] = true;
      contents[parent] = categories_[at];
    }
    std::vector<bool> inside(entries.size());
    std::size_t patterns = 0;
    for (std::size_t at = 1; at < entries.size(); ++at) {
      const auto parent = entries[at].parent;
      if (inside[parent]) {
        inside[at] = covered_[at] = true;
        (void)rule(rules, at);
        continue;
      }
      if (mixed[at] || below[at] < 2 || contents[at]->kind != kind) continue;
      if (patterns == kMostPatterns) continue;
      const auto pattern = exact_pattern(tree_.path_of(at), true);
      if (!pattern) continue;
      ++patterns;
      inside[at] = true;
      rule_of(rules, *contents[at]).match.push_back(*pattern);
    }
  }

  // Files with the same ending, in any directory.
  void write_endings(Kind kind, Rules& rules) {
    const auto& entries = tree_.entries;
    std::map<std::string, std::pair<Category, std::size_t>> alike;
    for (std::size_t at = 1; at < entries.size(); ++at) {
      if (covered_[at]) continue;
      const auto end = ending(entries[at].name);
      if (end.empty()) continue;
      auto& [category, count] = alike.try_emplace(end, categories_[at], 0).first->second;
      if (category != categories_[at]) category.kind = Kind::kOrdinary;
      ++count;
    }
    std::set<std::string> written;
    for (const auto& [end, what] : alike) {
      const auto& [category, count] = what;
      if (category.kind != kind || count < kLeastForPattern || written.size() == kMostPatterns)
        continue;
      written.insert(end);
      rule_of(rules, category).match.push_back("**/*." + end);
    }
    for (std::size_t at = 1; at < entries.size(); ++at) {
      if (covered_[at] || !written.contains(ending(entries[at].name))) continue;
      covered_[at] = true;
      (void)rule(rules, at);
    }
  }

  void write_names(Kind kind, Rules& rules, Rules& unsaid) {
    std::size_t names = 0;
    for (std::size_t at = 0; at < tree_.entries.size(); ++at) {
      if (covered_[at] || categories_[at].kind != kind) continue;
      // It fits the next version of the package, too.
      if (const auto made = made_as_root(at); made && kind == Kind::kIntended) {
        auto& match = rule(rules, at).match;
        if (std::find(match.begin(), match.end(), *made) == match.end()) match.push_back(*made);
        continue;
      }
      const auto pattern = names < kMostNames ? exact_pattern(tree_.path_of(at)) : std::nullopt;
      if (!pattern) {
        (void)rule(unsaid, at);
        continue;
      }
      ++names;
      rule(rules, at).match.push_back(*pattern);
    }
  }

  const WalkedTree& tree_;
  const Expectation& expected_;
  std::vector<Category> categories_;
  std::vector<bool> covered_;
  TreeOwners found_;
};

}  // namespace

TreeOwners owners_of(const WalkedTree& tree, const Expectation& expected) {
  return Sorter(tree, expected).run();
}

std::size_t owned_by(const WalkedTree& tree, Uid uid) {
  return static_cast<std::size_t>(
      std::count_if(tree.entries.begin() + 1, tree.entries.end(),
                    [uid](const Entry& entry) { return entry.owner.uid == uid; }));
}

std::vector<std::string> own_directories(const WalkedTree& tree, Uid uid, Gid group) {
  const auto& entries = tree.entries;
  std::vector<bool> own(entries.size());
  for (std::size_t at = 0; at < entries.size(); ++at) {
    const auto& entry = entries[at];
    const bool others_write = (entry.mode & kOthersWrite) != 0 ||
                              ((entry.mode & kGroupWrites) != 0 && entry.owner.gid != group);
    own[at] = entry.owner.uid == uid && !(entry.is_directory() && others_write);
  }
  for (std::size_t at = entries.size() - 1; at > 0; --at)
    if (!own[at]) own[entries[at].parent] = false;
  std::vector<std::string> names;
  for (std::size_t at = 1; at < entries.size(); ++at)
    if (own[at] && entries[at].parent == 0 && entries[at].is_directory())
      names.push_back(entries[at].name);
  return names;
}

}  // namespace guard::suggest
