#include <algorithm>
#include <array>
#include <cerrno>

#include "guardd/ctl/doctor/checks.h"
#include "guardd/host/terminal_text.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

template <typename Names>
bool is_one_of(const std::string& name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array<std::string_view, 10> kWithoutOwners{
    "vfat", "msdos", "exfat", "ntfs", "ntfs3", "hfs", "iso9660", "udf", "fuseblk", "squashfs"};
constexpr std::array<std::string_view, 8> kRemote{"nfs", "nfs4",     "cifs", "smb3",
                                                  "9p",  "virtiofs", "ceph", "afs"};

constexpr std::uint32_t kSticky = 01000;
constexpr std::uint32_t kGroupWrites = 0020;
constexpr std::uint32_t kOthersWrite = 0002;

class TreeJudge {
 public:
  TreeJudge(Group& group, const PolicySet& set, const Tree& tree, const TreeFacts& facts)
      : group_(group),
        facts_(facts),
        policy_(set.policy_of(tree)),
        title_(tree.root()),
        place_(set.files()[tree.place.file] + ':' + std::to_string(tree.place.line)),
        shown_(escaped(tree.root())) {}

  void run() {
    if (policy_.action() == Action::kOff) return group_.ok(title_, "policy " + name() + " is off");
    if (facts_.error != 0) return report_absent();
    judge_filesystem();
    judge_mounts();
    judge_above();
    judge_links();
    if (is_well_) group_.ok(title_, "on " + text(facts_.filesystem) + detail());
  }

 private:
  bool has_option(const std::string& option) const {
    return facts_.options.find(',' + option + ',') != std::string::npos;
  }
  static std::string text(const std::string& word) { return word.empty() ? "?" : escaped(word); }
  const std::string& name() const { return policy_.name(); }
  bool fixes() const { return policy_.strongest_action() >= Action::kFix; }
  std::string detail() const {
    return std::string(", where owners can be changed") +
           (facts_.is_complete ? "; no file in it has a name elsewhere" : "");
  }

  // guardd cannot fix anything, so a policy that demands it fails.
  void cannot_fix(const std::string& finding, const std::string& why, const std::string& repair) {
    is_well_ = false;
    if (fixes())
      group_.fail(title_, finding, why, repair);
    else
      group_.warn(title_, finding, why, repair);
  }
  void warn(const std::string& finding, const std::string& why, const std::string& repair) {
    is_well_ = false;
    group_.warn(title_, finding, why, repair);
  }

  void report_absent() {
    if (facts_.error == ENOENT || facts_.error == ENOTDIR)
      return group_.warn(
          title_, "it does not exist: policy " + name() + " waits for it",
          "nothing is guarded until it exists; if its path is misspelt, nothing ever "
          "will be",
          "create it, or correct the path in " + place_);
    group_.skip(title_, title_, Error::from_errno(facts_.error, title_));
  }

  void judge_filesystem() {
    const auto& filesystem = facts_.filesystem;
    const auto on = "it is on " + text(filesystem) + ", mounted at " + text(facts_.mount_point);
    if (is_one_of(filesystem, kWithoutOwners))
      cannot_fix(
          on + ", which does not store owners", "files there cannot belong to the service",
          "move the tree to ext4, xfs or btrfs, or mount it with uid= and gid= of the service");
    else if (has_option("ro"))
      cannot_fix(
          "it is mounted read-only at " + text(facts_.mount_point),
          "guardd cannot fix anything there",
          "mount -o remount,rw " + text(facts_.mount_point) + ", or remove it from " + place_);
    else if (is_one_of(filesystem, kRemote))
      warn(on + ": its server decides whether root may change owners",
           "guardd does not notice changes by other machines, and under root_squash it cannot fix "
           "anything",
           "guard it on the server, or export it with no_root_squash to this machine");
    else if (filesystem.starts_with("fuse"))
      warn(on + ": its daemon decides which changes are noticed and whether owners can be changed",
           "guardd does not notice changes behind the daemon, and waits if the daemon hangs",
           "prove that it works: guardctl doctor " + name());
    if (has_option("idmapped"))
      warn("its mount at " + text(facts_.mount_point) + " maps owners",
           "guardd sees owners as the mount shows them, so policies must name these",
           "compare stat -c %U " + shown_ + " with the owner in " + place_);
    if (facts_.handles == EOPNOTSUPP)
      warn("its file system does not support file handles",
           "fanotify cannot name what was changed, so guardd misses changes there",
           "move the tree to ext4, xfs or btrfs; over overlay, mount with index=on,nfs_export=on");
    if (facts_.inodes && facts_.inodes_free * 100 < *facts_.inodes)
      warn("its file system has " + grouped(facts_.inodes_free) + " inodes left of " +
               grouped(*facts_.inodes),
           "without inodes the service cannot create files",
           "find what uses them: du --inodes -xd2 " + text(facts_.mount_point) + " | sort -n");
  }

  void judge_mounts() {
    std::size_t count = 0;
    for (const auto& mount : facts_.mounts_below)
      if (mount != facts_.path) ++count;
    if (count == 0) return;
    warn(counted(count, "mount is", "mounts are") +
             " inside it: " + escaped(facts_.mounts_below.front()),
         "guardd does not cross mounts: what is mounted there is another tree",
         "if it also belongs to the service, add its path to " + place_);
  }

  void judge_above() {
    const auto& owner = policy_.wanted.owner.id;
    const auto& group = policy_.wanted.group.id;
    if (owner == kRoot) return;
    for (const auto& parent : facts_.parents) {
      const bool by_owner = parent.uid == owner;
      const bool sticky = (parent.mode.value & kSticky) != 0;
      const bool by_group = parent.gid == group && (parent.mode.value & kGroupWrites) != 0;
      const bool by_all = (parent.mode.value & kOthersWrite) != 0;
      if (!by_owner && (sticky || (!by_group && !by_all))) continue;
      return warn("its owner can write " + quote(parent.path) + ", which is above it",
                  "the service can replace the tree by another directory or a link",
                  "chown root:root " + escaped(parent.path) + " && chmod go-w " +
                      escaped(parent.path) + "; or guard that directory instead");
    }
  }

  void judge_links() {
    if (facts_.linked_outside == 0) return;
    warn(counted(facts_.linked_outside, "file has a name", "files have names") +
             " outside it too: " + quote(facts_.linked_example),
         "guardd never changes a file with several names: it could belong to another user",
         "find " + shown_ +
             " -xdev -type f -links +1 -ls; then copy the files that belong to the service");
  }

  Group& group_;
  const TreeFacts& facts_;
  const Policy& policy_;
  std::string title_;
  std::string place_;
  std::string shown_;
  bool is_well_ = true;
};

}  // namespace

void judge_tree(Group& group, const PolicySet& set, const Tree& tree, const TreeFacts& facts) {
  TreeJudge(group, set, tree, facts).run();
}

Checks tree_checks(const Machine& machine, const PolicySet& set,
                   const std::vector<std::string>& only) {
  using Clock = std::chrono::steady_clock;
  using std::chrono::milliseconds;
  constexpr milliseconds kEach{500};
  const auto end = Clock::now() + std::chrono::seconds(5);  // for all of them
  Group group("trees");
  for (const auto& tree : set.trees()) {
    if (!only.empty() && !is_one_of(set.policy_of(tree).name(), only)) continue;
    const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
    judge_tree(group, set, tree, look_at_tree(machine, tree.root(), std::min(kEach, left)));
  }
  return group.take();
}

}  // namespace guard::doctor
