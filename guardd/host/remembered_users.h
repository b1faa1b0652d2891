// Accounts as they were when policies were loaded. A deleted account, or a directory service that
// does not answer, must not keep guardd from using policies that were valid before.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/lookup.h"

namespace guard {

struct KnownAccounts {
  std::map<std::string, Account> users;
  std::map<std::string, Gid> groups;
  std::map<std::string, std::vector<Gid>> memberships;  // by account
  std::map<std::string, std::vector<Gid>> alone;        // by account: groups that have no other

  // One line for each: "user UID GID NAME", "group GID NAME", "member GID NAME" or "alone GID
  // NAME". Other lines are skipped.
  std::string text() const;
  static KnownAccounts parse(std::string_view text);
};

// Passes questions on. Which groups a user is in is asked anew every time: from a group that it has
// left, it can read nothing.
class ForwardedUsers : public Users {
 public:
  explicit ForwardedUsers(const Users& users) : users_(users) {}

  std::vector<Gid> groups_of(const Account& account) const override {
    return users_.groups_of(account);
  }
  bool is_alone_in(const std::string& account, Gid group) const override {
    return users_.is_alone_in(account, group);
  }
  std::vector<std::string> user_names() const override { return users_.user_names(); }
  std::vector<std::string> group_names() const override { return users_.group_names(); }

 protected:
  const Users& users_;  // NOLINT(*-non-private-member-variables-in-classes)
};

// Notes the answers. One thread.
class RecordedUsers final : public ForwardedUsers {
 public:
  using ForwardedUsers::ForwardedUsers;
  const KnownAccounts& known() const { return known_; }

  Result<std::optional<Account>> user(const std::string& name) const override;
  Result<std::optional<Account>> user(Uid uid) const override;
  Result<std::optional<Gid>> group(const std::string& name) const override;
  Result<std::optional<std::string>> group_name(Gid gid) const override;
  std::vector<Gid> groups_of(const Account& account) const override;
  bool is_alone_in(const std::string& account, Gid group) const override;

 private:
  mutable KnownAccounts known_;
};

// Gives the same answers again, and asks no one else: what was not noted does not exist.
class KnownUsers final : public Users {
 public:
  explicit KnownUsers(KnownAccounts known) : known_(std::move(known)) {}

  Result<std::optional<Account>> user(const std::string& name) const override;
  Result<std::optional<Account>> user(Uid uid) const override;
  Result<std::optional<Gid>> group(const std::string& name) const override;
  Result<std::optional<std::string>> group_name(Gid gid) const override;
  std::vector<Gid> groups_of(const Account& account) const override;
  bool is_alone_in(const std::string& account, Gid group) const override;
  std::vector<std::string> user_names() const override { return {}; }
  std::vector<std::string> group_names() const override { return {}; }

 private:
  const KnownAccounts known_;
};

// Answers from memory what the other does not know.
class RememberedUsers final : public ForwardedUsers {
 public:
  RememberedUsers(const Users& users, KnownAccounts known)
      : ForwardedUsers(users), known_(std::move(known)) {}

  Result<std::optional<Account>> user(const std::string& name) const override;
  Result<std::optional<Account>> user(Uid uid) const override;
  Result<std::optional<Gid>> group(const std::string& name) const override;
  Result<std::optional<std::string>> group_name(Gid gid) const override;

 private:
  KnownAccounts known_;
};

}  // namespace guard
