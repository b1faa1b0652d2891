// Fakes of the machine: users, files, and a temporary directory. With load(), a test gets the
// diagnostics and the PolicySet for the text of a policy.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/base/text.h"
#include "policy/load/compile.h"
#include "policy/load/lint.h"
#include "policy/load/read_policy.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard::testing {

inline constexpr Uid kShop{1001};
inline constexpr Gid kShopGroup{1001};
inline constexpr Uid kAlice{1000};
inline constexpr Gid kAliceGroup{1000};
inline constexpr Uid kBackup{34};
inline constexpr Gid kOps{500};

class FakeUsers : public Users {
 public:
  FakeUsers() {
    add("root", kRoot, Gid{0});
    add("shop", kShop, kShopGroup);
    add("alice", kAlice, kAliceGroup);
    add("backup", kBackup, Gid{34});
    add_group("ops", kOps);
  }

  // With a primary group of the same name, as useradd creates it.
  void add(const std::string& name, Uid uid, Gid gid) {
    accounts_.push_back({name, uid, gid});
    add_group(name, gid);
  }
  void add_group(const std::string& name, Gid gid) { groups_.emplace_back(name, gid); }

  // From now on every lookup fails, as if a directory service were down.
  void fail() { failing_ = true; }
  // The number of lookups.
  int asked() const { return asked_; }

  Result<std::optional<Account>> user(const std::string& name) const override {
    return find_user([&](const Account& account) { return account.name == name; });
  }
  Result<std::optional<Account>> user(Uid uid) const override {
    return find_user([&](const Account& account) { return account.uid == uid; });
  }
  Result<std::optional<Gid>> group(const std::string& name) const override {
    ++asked_;
    if (failing_) return down();
    for (const auto& [known, gid] : groups_)
      if (known == name) return std::optional(gid);
    return std::optional<Gid>();
  }
  bool is_alone_in(const std::string& account, Gid group) const override {
    return std::any_of(accounts_.begin(), accounts_.end(), [&](const Account& each) {
      return each.name == account && each.gid == group;
    });
  }
  Result<std::optional<std::string>> group_name(Gid gid) const override {
    ++asked_;
    if (failing_) return down();
    for (const auto& [name, known] : groups_)
      if (known == gid) return std::optional(name);
    return std::optional<std::string>();
  }

  std::vector<std::string> user_names() const override {
    std::vector<std::string> names;
    for (const auto& account : accounts_) names.push_back(account.name);
    return names;
  }
  std::vector<std::string> group_names() const override {
    std::vector<std::string> names;
    for (const auto& [name, gid] : groups_) names.push_back(name);
    return names;
  }

 private:
  static Error down() { return Error("the directory does not answer", EAGAIN); }

  template <typename Is>
  Result<std::optional<Account>> find_user(Is is) const {
    ++asked_;
    if (failing_) return down();
    const auto found = std::find_if(accounts_.begin(), accounts_.end(), is);
    return found == accounts_.end() ? std::optional<Account>() : std::optional(*found);
  }

  std::vector<Account> accounts_;
  std::vector<std::pair<std::string, Gid>> groups_;
  bool failing_ = false;
  mutable int asked_ = 0;
};

// Empty at first; even ancestors of trees must be added.
class FakeFiles : public Files {
 public:
  PathFacts& put(const std::string& path, FileType type = FileType::kRegular, Uid uid = kRoot,
                 Gid gid = Gid{0}, Mode mode = Mode{0755}) {
    PathFacts facts;
    facts.type = type;
    facts.id = {1, ++last_inode_};
    facts.uid = uid;
    facts.gid = gid;
    facts.mode = mode;
    facts.filesystem = "ext4";
    return there_[path] = facts;
  }
  PathFacts& put_directory(const std::string& path, Uid uid = kRoot, Gid gid = Gid{0},
                           Mode mode = Mode{0755}) {
    return put(path, FileType::kDirectory, uid, gid, mode);
  }
  void put_link(const std::string& path, const std::string& target) {
    put(path, FileType::kSymlink);
    links_[path] = target;
  }
  void fail_at(const std::string& path) { failing_.push_back(path); }

  Result<std::optional<PathFacts>> look(const std::string& path) const override {
    if (std::find(failing_.begin(), failing_.end(), path) != failing_.end())
      return Error::from_errno(EACCES, "stat");
    const auto found = there_.find(path);
    return found == there_.end() ? std::optional<PathFacts>() : std::optional(found->second);
  }
  Result<std::optional<PathFacts>> look_through(const std::string& path) const override {
    const auto link = links_.find(path);
    return look(link == links_.end() ? path : link->second);
  }

 private:
  std::map<std::string, PathFacts> there_;
  std::map<std::string, std::string> links_;
  std::vector<std::string> failing_;
  std::uint64_t last_inode_ = 100;
};

// The result of loading policy files.
struct Attempt {
  std::shared_ptr<const PolicySet> set;  // null if there is any error
  Diagnostics diagnostics;
  std::vector<std::string> messages;  // formatted, in the order of files and lines

  const Policy& policy(std::size_t index = 0) const { return set->policies().at(index); }
  const Tree& tree(std::size_t index = 0) const { return set->trees().at(index); }
};

struct World {
  FakeUsers users;
  FakeFiles files;
  std::uint64_t generation = 1;

  struct File {
    std::string name;
    std::string text;
  };
  Attempt load(const std::vector<File>& policies) const {
    Attempt attempt;
    std::vector<DraftPolicy> drafts;
    for (const auto& [name, text] : policies) {
      const auto number = attempt.diagnostics.add_file(name);
      for (auto& draft : read_policies(text, number, attempt.diagnostics))
        drafts.push_back(std::move(draft));
    }
    attempt.set = compile(std::move(drafts), users, files, generation, attempt.diagnostics);
    if (attempt.set) lint(*attempt.set, files, attempt.diagnostics);
    if (attempt.diagnostics.has_errors()) attempt.set = nullptr;
    attempt.diagnostics.sort();
    for (const auto& diagnostic : attempt.diagnostics.all())
      attempt.messages.push_back(attempt.diagnostics.format(diagnostic));
    return attempt;
  }
  // One file, called p.toml.
  Attempt load(const std::string& text) const { return load({{"p.toml", text}}); }
  // The same, for a text that must be valid.
  Attempt load_good(const std::string& text) const {
    auto attempt = load(text);
    for (const auto& message : attempt.messages) {
      if (!attempt.set) ADD_FAILURE() << message;
    }
    return attempt;
  }
};

// A policy with the three required keys on lines 1 to 4; `more` begins on line 5.
inline std::string policy_text(std::string_view more = "", std::string_view name = "shop",
                               std::string_view path = "/srv/shop") {
  std::string text = "[[policy]]\n";
  text.append("name = \"").append(name).append("\"\n");
  text.append("paths = [\"").append(path).append("\"]\n");
  text.append("owner = \"shop\"\n").append(more);
  if (text.back() != '\n') text += '\n';
  return text;
}

// Whether a terminal shows this text unchanged, with no other effect.
inline bool is_harmless(std::string_view text) {
  return text.find('\n') == std::string_view::npos && printable(text) == text;
}

// A temporary directory that other users cannot write.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "guardd-test-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::filesystem::filesystem_error("mkdtemp", {});
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string operator/(std::string_view name) const { return (path_ / name).string(); }
  std::string directory(std::string_view name) const {
    std::filesystem::create_directories(path_ / name);
    return *this / name;
  }
  std::string write(std::string_view name, std::string_view text = "") const {
    std::ofstream(*this / name) << text;
    return *this / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace guard::testing
