// What the LSM programs tell of guarded trees: each operation, as it happens or before, with who
// does it. Hangs the tags on the roots of trees, which is all that it needs to watch one; knows
// only the directories in which something happens. Never judges, never changes a file. One thread:
// the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bpf/lsm.h"
#include "guardd/files/handle_form.h"
#include "guardd/kernel/inode_pins.h"
#include "guardd/kernel/policy_tables.h"
#include "guardd/sources/source.h"
#include "guardd/who/processes.h"

namespace guard {

class LsmSource final : public ChangeSource, private LsmListener {
 public:
  static Result<std::unique_ptr<LsmSource>> create(Lsm lsm, Processes& processes);

  int fd() const override { return lsm_.fd(); }
  WatchedDirectories& directories() override { return directories_; }
  WatchedDirectory* directory(std::uint32_t tree, std::string_view path) override {
    return directories_.reach(tree, path);
  }
  Status enforce(std::shared_ptr<const PolicySet> set) override;
  void enforced() override;
  Status watch_tree(std::uint32_t tree, const std::string& path, Covered covered,
                    NoticeReader& reader) override;
  bool still_watches(std::uint32_t tree, const Object& root) override;
  void cover(std::uint32_t tree, Covered covered) override;
  Status look_again(std::uint32_t tree, NoticeReader& reader) override;
  void forget_tree(std::uint32_t tree) override;
  void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) override;
  void await_closing(const WatchedDirectory& directory, std::string_view name,
                     std::uint64_t inode) override;
  bool dispatch(NoticeReader& reader) override;
  std::optional<std::chrono::steady_clock::time_point> next() const override;
  void work(NoticeReader& reader) override;

  const Lsm& lsm() const { return lsm_; }
  const InodePins& pins() const { return pins_; }
  KernelPolicy& policy() { return policy_; }
  // What is not refused, or not seen, that policies may ask for, each in a sentence.
  std::vector<std::string> shortcomings() const;
  // Refuses this process nothing, by its pidfd, nor what it starts from here on.
  Status spare(int process) { return lsm_.tag_process(process, {std::uint64_t{1} << kExcused, 0}); }
  // Who was the last to mount or unmount something in a tree, if that was just now.
  std::optional<std::int32_t> mounter() const;

 private:
  struct Tree {
    std::string path;
    Covered covered;
    std::uint64_t id;  // by which the programs know it
    FileId root;
    TaggedInode inode;
    HandleForm form;
  };
  // A directory that was moved into a tree: what it holds has to be looked at, once it is there.
  struct Arrival {
    std::uint64_t tree = 0;  // its id
    std::string path;
    std::uint64_t inode = 0;
    std::int32_t pid = 0;
    Uid by;
    std::uint64_t time = 0;
    unsigned tries = 0;
    std::chrono::steady_clock::time_point due;
  };

  LsmSource(Lsm lsm, InodePins pins, Processes& processes)
      : lsm_(std::move(lsm)), pins_(std::move(pins)), policy_(lsm_), processes_(processes) {}

  void on_event(const LsmEvent& event) noexcept override;
  void on_close(const CloseRecord& closed) noexcept override;

  Status attach(std::uint32_t guards);
  Status hold(Tree& tree, std::uint32_t number, const Object& root);
  void let_go(const Tree& tree);
  std::optional<std::uint32_t> number_of(std::uint64_t id) const;
  FileId identity(const Tree& tree, const InodeFacts& facts, const std::string& path) const;
  void tell(std::uint32_t number, const Tree& tree, const LsmEvent& event);
  void moved_directory(std::uint32_t number, const Tree& tree, const LsmEvent& event);
  bool meet(const Arrival& arrival, NoticeReader& reader);

  Lsm lsm_;
  InodePins pins_;
  KernelPolicy policy_;
  Processes& processes_;
  WatchedDirectories directories_;
  std::unordered_map<std::uint32_t, Tree> trees_;
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;  // of trees, by their ids
  std::vector<Tree> leaving_;  // still tagged, until all is as the new policies have it
  bool is_changing_ = false;
  bool is_prepared_ = false;  // the kernel knows the policies that hold
  std::uint64_t last_id_ = 0;
  std::deque<Arrival> arrivals_;
  // Where files are that somebody still writes and somebody waits for, by tree and inode.
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::pair<std::uint64_t, std::string>> written_;
  std::optional<std::chrono::steady_clock::time_point> listens_until_;  // for who closes
  std::uint32_t enforced_guards_ = 0;
  std::string table_trouble_;
  std::uint64_t lost_ = 0;
  std::int32_t mounter_ = 0;
  std::chrono::steady_clock::time_point mounted_at_;
  NoticeReader* reader_ = nullptr;  // only during dispatch()
};

}  // namespace guard
