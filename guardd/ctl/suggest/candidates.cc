#include "guardd/ctl/suggest/candidates.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "guardd/ctl/machine/tree_walk.h"
#include "guardd/ctl/suggest/pattern.h"
#include "guardd/host/terminal_text.h"
#include "policy/base/text.h"
#include "policy/load/compile.h"
#include "policy/load/lint.h"
#include "policy/load/read_policy.h"
#include "policy/load/tree_paths.h"

namespace guard::suggest {
namespace {

constexpr std::size_t kMostOwnDirectories = 20;  // more are no list to read
constexpr std::array<std::string_view, 4> kVolatile{"/run", "/tmp", "/var/tmp", "/dev"};

std::string shown(const std::string& path) {
  return escaped(path);
}

// The last name in the path that is not the subject.
std::string distinct_part(std::string_view path, const std::string& subject) {
  for (auto rest = path; !rest.empty(); rest = rest.substr(0, rest.rfind('/'))) {
    const auto name = rest.substr(rest.rfind('/') + 1);
    if (policy_name(name) != subject) return std::string(name);
  }
  return {};
}

// Whether all that is not the owner's belongs to users whose files are there by accident.
bool is_only_displaced(const WalkedTree& tree, const Candidate& candidate) {
  if (candidate.displaced.empty()) return false;
  return std::all_of(tree.entries.begin(), tree.entries.end(), [&](const Entry& entry) {
    const auto& displaced = candidate.displaced;
    return entry.owner.uid == candidate.owner->uid ||
           std::find(displaced.begin(), displaced.end(), entry.owner.uid) != displaced.end();
  });
}

// Whether one policy can have both trees: at most with a rule for their roots.
bool are_alike(const Proposal& a, const Proposal& b) {
  const auto is_plain = [](const Proposal& one) {
    return one.strays.empty() && one.unsaid.empty();
  };
  const auto rule = [](const Proposal& one) {
    const auto& first = one.rules.front();
    return std::tie(first.match, first.owner, first.group, first.is_made_as_root);
  };
  const bool are_same_rules =
      a.rules.size() == b.rules.size() &&
      (a.rules.empty() || (a.rules.size() == 1 && rule(a) == rule(b) &&
                           a.rules.front().match == std::vector<std::string>{"."}));
  return is_plain(a) && is_plain(b) && are_same_rules && a.owner == b.owner && a.group == b.group;
}

}  // namespace

void Candidates::leave_out(const std::string& what, std::string why) {
  for (const auto& known : suggestion_.left_out)
    if (known.what == what) return;
  suggestion_.left_out.push_back({what, std::move(why)});
}

std::string Candidates::why_denied(const std::string& path, bool is_of_service) const {
  switch (danger_of(path)) {
    case TreeDanger::kSystem:
    case TreeDanger::kNever:
      return "belongs to the whole system, not to one service";
    case TreeDanger::kShared:
      return "is usually shared by many services";
    case TreeDanger::kNone:
      break;
  }
  for (const auto above : kVolatile)
    if (is_of_service && is_within(path, above))
      return "is emptied at each boot, so wrong owners there do not last";
  if (!present_) return {};
  const auto* tree = present_->tree_of(path);
  if (!tree) return {};
  const auto& name = present_->policy_of(*tree).name();
  return tree->path == path
             ? "is already guarded by policy " + name
             : "is in " + shown(tree->root()) + ", which policy " + name + " already guards";
}

void Candidates::add(const std::string& path, Candidate candidate) {
  const auto of = candidate.who.empty() ? "" : " (" + candidate.subject + ")";
  auto normal = normal_tree_path(path);
  if (!normal) return leave_out(path + of, normal.error().text());
  if (normal->empty()) *normal = "/";
  candidate.path = machine_.real_path(*normal);
  if (candidate.may_be_absent && !machine_.is_there(candidate.path)) return;
  if (candidate.path != *normal)
    candidate.why.push_back("the target of the link " + shown(*normal));
  const bool is_of_service = candidate.owner.has_value();
  if (const auto why = why_denied(candidate.path == "/" ? "" : candidate.path, is_of_service);
      !why.empty())
    return leave_out(candidate.path + of, why);
  if (!is_utf8(candidate.path))
    return leave_out(candidate.path + of, "a policy cannot name a path that is not UTF-8");
  by_path_[candidate.path].push_back(std::move(candidate));
}

// A tree of several services gets one policy if they run as the same user, and none otherwise.
void Candidates::merge_shared() {
  for (auto& [path, candidates] : by_path_) {
    auto& first = candidates.front();
    for (std::size_t i = 1; i < candidates.size(); ++i) {
      auto& other = candidates[i];
      if (first.owner && other.owner && first.owner->uid != other.owner->uid) {
        const std::string users = first.displaced.empty() ? "services" : "containers";
        leave_out(path, "is used by " + users + " that run as different users: " + first.who +
                            ", " + other.who + "; see guardctl suggest --tree");
        candidates.clear();
        break;
      }
      if (!first.owner && other.owner) std::swap(first, other);
      first.given = first.given || other.given;
      if (other.is_guess && !first.is_guess) other.why.clear();
      first.is_guess = first.is_guess && other.is_guess;
      first.logs_of_systemd.insert(first.logs_of_systemd.end(), other.logs_of_systemd.begin(),
                                   other.logs_of_systemd.end());
      for (auto& why : other.why)
        if (std::find(first.why.begin(), first.why.end(), why) == first.why.end())
          first.why.push_back(std::move(why));
      if (other.subject != first.subject)
        first.why.push_back("also used by " + escaped(other.subject));
    }
  }
}

std::string Candidates::user_text(const Candidate& candidate, Uid uid) const {
  if (candidate.owner && candidate.owner->uid == uid && !candidate.by_number)
    return candidate.owner->name;
  if (candidate.by_number) return std::to_string(uid.value);
  const auto account = machine_.users().user(uid);
  return account && *account ? (*account)->name : std::to_string(uid.value);
}

std::string Candidates::group_text(const Candidate& candidate, Gid gid) const {
  if (candidate.by_number) return std::to_string(gid.value);
  const auto name = machine_.users().group_name(gid);
  return name && *name ? **name : std::to_string(gid.value);
}

ProposedRule Candidates::proposed(const Candidate& candidate, const OwnerRule& rule) const {
  return {rule.match,
          user_text(candidate, rule.owner.uid),
          group_text(candidate, rule.owner.gid),
          rule.entries,
          rule.example,
          rule.is_made_as_root};
}

Proposal Candidates::proposal_of(const Candidate& candidate, const TreeOwners& owners) const {
  Proposal proposal;
  proposal.name = policy_name(candidate.subject);
  proposal.paths = {candidate.path};
  proposal.owner = user_text(candidate, owners.most.uid);
  proposal.group = group_text(candidate, owners.most.gid);
  if (candidate.by_number && candidate.owner && candidate.owner->uid == owners.most.uid)
    proposal.owner_there = candidate.owner_there;
  for (const auto& rule : owners.rules) proposal.rules.push_back(proposed(candidate, rule));
  for (const auto& stray : owners.strays) proposal.strays.push_back(proposed(candidate, stray));
  for (const auto& rule : owners.unsaid) proposal.unsaid.push_back(proposed(candidate, rule));
  proposal.file_mode = owners.file_mode;
  proposal.dir_mode = owners.dir_mode;
  return proposal;
}

// The first error that guardctl check would report.
std::string Candidates::error_in(const Proposal& proposal) const {
  Diagnostics diagnostics;
  const auto file = diagnostics.add_file("suggested");
  const auto set = compile(read_policies(policy_text(proposal), file, diagnostics),
                           machine_.users(), machine_.files(), 1, diagnostics);
  if (set) lint(*set, machine_.files(), diagnostics);
  for (const auto& diagnostic : diagnostics.all())
    if (diagnostic.kind == Diagnostic::Kind::kError) return diagnostic.message;
  return {};
}

void Candidates::select(const Candidate& candidate, Proposal proposal) {
  if (auto why = error_in(proposal); !why.empty()) return leave_out(candidate.path, std::move(why));
  selected_.emplace(candidate.path, Selection{candidate, std::move(proposal)});
}

void Candidates::propose_pending(const Candidate& candidate) {
  if (!candidate.owner) return leave_out(candidate.path, "does not exist");
  TreeOwners owners;
  owners.most = {candidate.owner->uid, candidate.group};
  auto proposal = proposal_of(candidate, owners);
  std::string why = shown(candidate.path) + ": does not exist yet, so the policy waits for it";
  for (const auto& reason : candidate.why) why += "; " + reason;
  proposal.why.push_back(std::move(why));
  select(candidate, std::move(proposal));
}

// In a tree that is not the service's, the directories that are.
bool Candidates::propose_own_directories(const Candidate& candidate, const WalkedTree& tree) {
  if (tree.is_cut || tree.unread > 0) return false;
  const auto names = own_directories(tree, candidate.owner->uid, candidate.group);
  if (names.size() > kMostOwnDirectories) return false;
  for (const auto& name : names) {
    auto own = candidate;
    own.path += '/' + name;
    if (!is_utf8(own.path)) continue;
    if (auto why = why_denied(own.path, true); !why.empty()) {
      leave_out(own.path + " (" + own.subject + ")", std::move(why));
      continue;
    }
    own.why.push_back("the tree around it is not the service's");
    propose(own);
  }
  return !names.empty();
}

void Candidates::propose(const Candidate& candidate) {
  if (!machine_.is_there(candidate.path)) return propose_pending(candidate);
  std::set<std::string> others;
  for (const auto& [path, selection] : selected_) {
    const auto& inner = selection.candidate.owner;
    const bool is_same = inner && candidate.owner && inner->uid == candidate.owner->uid;
    if (!is_same && path != candidate.path && is_within(path, candidate.path)) others.insert(path);
  }
  if (present_) {
    for (const auto& tree : present_->trees())
      if (is_within(tree.path, candidate.path)) others.insert(tree.path);
  }
  const auto tree = walk_tree(machine_, candidate.path, others);
  if (!tree) return leave_out(candidate.path, "cannot be read: " + tree.error().text());

  Expectation expected;
  const auto all = tree->entries.size() - 1;
  if (candidate.owner) {
    const auto theirs = owned_by(*tree, candidate.owner->uid);
    const bool is_theirs = tree->entries.front().owner.uid == candidate.owner->uid ||
                           (theirs > 0 && theirs * 2 >= all);
    const bool is_displaced = is_only_displaced(*tree, candidate);
    if (!candidate.given && !is_theirs && !is_displaced) {
      if (propose_own_directories(candidate, *tree) || candidate.is_guess) return;
      std::string why =
          "belongs to " + escaped(user_text(candidate, tree->entries.front().owner.uid));
      why += all == 0 ? ", and is empty"
                      : ", and only " + grouped(theirs) + " of its " + grouped(all) +
                            " entries to " + escaped(candidate.owner->name);
      return leave_out(candidate.path + " (" + candidate.subject + ")",
                       candidate.why.front() + ", but it " + why);
    }
    if (!candidate.given && packages_.gives_to_root(candidate.path))
      return leave_out(candidate.path + " (" + candidate.subject + ")",
                       candidate.why.front() +
                           ", but a package gives all that is in it to root when it is installed");
    expected = {candidate.owner->uid,
                candidate.group,
                theirs * 2 >= all,
                candidate.given || is_displaced,
                false,
                {}};
  }
  expected.is_unpacked = packages_.has_unpacked(candidate.path);
  expected.made_as_root = [&](const std::string& path, const Entry& entry) {
    return made_as_root(candidate, path, entry);
  };
  const auto owners = owners_of(*tree, expected);
  auto proposal = proposal_of(candidate, owners);
  std::string why = shown(candidate.path) + ": ";
  const auto whose = escaped(proposal.owner) + ":" + escaped(proposal.group);
  if (all == 0)
    why += "it is empty";
  else if (all == 1 && owners.of_most == 1)
    why += "its only entry belongs to " + whose;
  else
    why += (owners.of_most == all ? "all " : grouped(owners.of_most) + " of ") + grouped(all) +
           " entries belong to " + whose;
  for (const auto& reason : candidate.why) why += "; " + reason;
  if (tree->is_cut) why += "; there are more entries, which were not examined";
  if (tree->unread > 0)
    why += "; " + counted(tree->unread, "directory", "directories") + " could not be read";
  if (tree->mounts > 0) why += "; mounts inside it were not examined";
  proposal.why.push_back(std::move(why));
  if (owners.is_deployed_by_git)
    proposal.why.emplace_back(
        "deployed by git: files of root are taken for the result of a \"git pull\" by root");
  if (owners.most.uid == kRoot)
    proposal.why.emplace_back(
        "root owns most of it, so changes by root are no violations: if a service should own it, "
        "set "
        "its user as the owner");
  select(candidate, std::move(proposal));
}

std::optional<std::string> Candidates::made_as_root(const Candidate& candidate,
                                                    const std::string& path, const Entry& entry) {
  const auto whole = candidate.path + '/' + path;
  const bool is_in_root = path == entry.name;
  if (is_in_root && entry.is_regular()) {
    for (const auto& log : candidate.logs_of_systemd) {
      if (!log.starts_with(candidate.path + '/')) continue;
      // With those that logrotate has renamed.
      if (whole != log && !whole.starts_with(log + '.') && !whole.starts_with(log + '-')) continue;
      if (const auto pattern = exact_pattern(log.substr(candidate.path.size() + 1)))
        return *pattern + '*';
    }
    if (auto pattern = packages_.pattern_for(candidate.path, entry.name)) return pattern;
  }
  const bool is_named = is_in_root && entry.is_directory() && packages_.names(whole);
  if (!is_named && !packages_.has_unpacked(whole)) return std::nullopt;
  return exact_pattern(path);
}

std::string Candidates::free_name(const std::string& wish) {
  auto name = wish;
  for (int next = 2; names_.contains(name) || (present_ && present_->find_policy(name)); ++next)
    name = wish + "-" + std::to_string(next);
  names_.insert(name);
  return name;
}

// Trees of one service with the same owner become one policy.
void Candidates::merge_and_name() {
  std::vector<std::pair<std::string, std::size_t>> subjects;  // and the index of its proposal
  std::vector<Selection*> in_order;
  for (auto& [path, selection] : selected_) in_order.push_back(&selection);
  std::stable_sort(in_order.begin(), in_order.end(), [](const Selection* a, const Selection* b) {
    const auto rank = [](const Selection& selection) {
      const auto& one = selection.candidate;
      return std::tuple(one.subject, !one.given, !is_within(one.path, "/var/lib"), one.path);
    };
    return rank(*a) < rank(*b);
  });
  for (auto* next : in_order) {
    auto& selection = *next;
    auto& proposal = selection.proposal;
    const auto& path = selection.candidate.path;
    Proposal* same = nullptr;
    bool is_first = true;
    for (const auto& [subject, at] : subjects) {
      if (subject != selection.candidate.subject) continue;
      is_first = false;
      auto& other = suggestion_.proposals[at];
      if (are_alike(other, proposal)) same = &other;
    }
    if (same) {
      same->paths.push_back(path);
      if (!proposal.rules.empty()) same->rules.front().entries += proposal.rules.front().entries;
      same->why.insert(same->why.end(), proposal.why.begin(), proposal.why.end());
      same->file_mode = same->file_mode == proposal.file_mode ? same->file_mode : std::nullopt;
      same->dir_mode = same->dir_mode == proposal.dir_mode ? same->dir_mode : std::nullopt;
      continue;
    }
    if (!is_first) {
      if (is_within(path, "/var/log"))
        proposal.name += "-log";
      else if (is_within(path, "/var/cache"))
        proposal.name += "-cache";
      else
        proposal.name = policy_name(proposal.name + "-" + distinct_part(path, proposal.name));
    }
    proposal.name = free_name(proposal.name);
    const auto& who = selection.candidate.who;
    proposal.why.insert(proposal.why.begin(), who.empty() ? "The present owners:" : who + ":");
    subjects.emplace_back(selection.candidate.subject, suggestion_.proposals.size());
    suggestion_.proposals.push_back(std::move(proposal));
  }
}

Suggestion Candidates::finish(std::string sources) {
  suggestion_.sources = std::move(sources);
  merge_shared();
  std::vector<const Candidate*> deepest_first;
  for (const auto& [path, candidates] : by_path_)
    if (!candidates.empty()) deepest_first.push_back(&candidates.front());
  std::stable_sort(deepest_first.begin(), deepest_first.end(),
                   [](auto* a, auto* b) { return a->path.size() > b->path.size(); });
  for (const auto* candidate : deepest_first) propose(*candidate);
  // A tree inside another tree of the same owner is a part of it.
  std::erase_if(selected_, [this](const auto& inner) {
    return std::any_of(selected_.begin(), selected_.end(), [&](const auto& outer) {
      return outer.first != inner.first && is_within(inner.first, outer.first) &&
             outer.second.candidate.owner && inner.second.candidate.owner &&
             outer.second.candidate.owner->uid == inner.second.candidate.owner->uid;
    });
  });
  merge_and_name();
  return std::move(suggestion_);
}

}  // namespace guard::suggest
