// Reports what the LSM programs see in guarded trees: each operation, as it happens or before it
// does, with the process that does it. Watches a tree by the tag on its root; knows only the
// directories in which something happens. Never judges, never changes a file. One thread: the
// daemon's loop.
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

class LsmSource final : public ChangeSource, private LsmListener, private Witness {
 public:
  static Result<std::unique_ptr<LsmSource>> create(Lsm lsm, Processes& processes);
  ~LsmSource() override { processes_.containers().on_change({}); }
  LsmSource(const LsmSource&) = delete;
  LsmSource& operator=(const LsmSource&) = delete;

  int fd() const override { return lsm_.fd(); }
  WatchedDirectories& directories() override { return directories_; }
  WatchedDirectory* directory(std::uint32_t tree, std::string_view path) override {
    return directories_.reach(tree, path);
  }
  Status prepare(std::shared_ptr<const PolicySet> set) override;
  void finish() override;
  Status watch_tree(std::uint32_t tree, const std::string& path, CoveredPart covered,
                    NoticeReader& reader) override;
  bool still_watches(std::uint32_t tree, const Object& root) override;
  Status renew(std::uint32_t tree, CoveredPart covered, NoticeReader& reader) override;
  Status look_again(std::uint32_t tree, NoticeReader& reader) override;
  void forget_tree(std::uint32_t tree) override;
  void renumber(const std::map<std::uint32_t, std::uint32_t>& numbers) override;
  void await_closing(const WatchedDirectory& directory, std::string_view name,
                     std::uint64_t inode) override;
  std::vector<std::uint32_t> take_visited() override { return std::exchange(visited_, {}); }
  bool dispatch(NoticeReader& reader) override;
  std::optional<std::chrono::steady_clock::time_point> next() const override;
  void work(NoticeReader& reader) override;

  Witness* witness() override { return this; }
  std::optional<std::int64_t> proven_at(const WatchedDirectory& directory, std::string_view name,
                                        const FileId& object) override;
  void prove_again(const WatchedDirectory& directory, std::string_view name, const FileId& object,
                   std::int64_t changed) override;

  std::vector<std::string> shortcomings() const override;
  KeptDescriptors kept() const override { return {lsm_.links(), pins_.fd()}; }
  Status trust(int process) override { return lsm_.tag_process(process, {0, 1}); }
  Status excuse(int process) override {
    return lsm_.tag_process(process, {std::uint64_t{1} << kExcused, 0});
  }
  std::optional<std::int32_t> mounter() const override;
  std::vector<std::string> program_directories() const override {
    return tables_.program_directories();
  }
  Status refresh_programs() override { return tables_.refresh_programs(); }

 private:
  struct Tree {
    std::string path;
    CoveredPart covered;
    std::uint64_t id;  // by which the LSM programs know it
    FileId root;
    TaggedInode inode;
    HandleForm form;
  };
  // A directory that is being moved into a tree: its contents have to be reported once it is there.
  struct IncomingDirectory {
    std::uint64_t tree = 0;  // its id
    std::string path;
    std::uint64_t inode = 0;
    std::int32_t pid = 0;
    Uid by;
    std::uint64_t time = 0;
    unsigned tries = 0;
    std::chrono::steady_clock::time_point due;
  };

  // A subvolume is being made somewhere in the tree. It can be a snapshot, full of files.
  struct ComingSubvolume {
    std::chrono::steady_clock::time_point due;  // when the tree is scanned
    std::size_t scans = 0;
  };

  LsmSource(Lsm lsm, InodePins pins, Processes& processes)
      : lsm_(std::move(lsm)), pins_(std::move(pins)), tables_(lsm_), processes_(processes) {
    processes_.containers().on_change([this] { exempt_containers(); });
  }

  std::optional<Evidence> evidence_for(const WitnessQuestion& question) override;
  bool wants_object() const override { return true; }

  void on_event(const LsmEvent& event) noexcept override;
  void on_close(const CloseRecord& record) noexcept override;

  Status attach(std::uint32_t guards);
  void exempt_containers();
  Status tag(const Tree& tree, std::uint32_t number, const Object& root);
  void untag(const Tree& tree);
  std::optional<std::uint32_t> number_of(std::uint64_t id) const;
  FileId identity(const Tree& tree, const InodeFacts& facts, const std::string& path) const;
  void report(std::uint32_t number, const Tree& tree, const LsmEvent& event);
  void move_directory(std::uint32_t number, const Tree& tree, const LsmEvent& event);
  void expect_subvolume(std::uint64_t tree);
  void scan_subvolumes(std::chrono::steady_clock::time_point now);
  bool report_contents(const IncomingDirectory& incoming, NoticeReader& reader);
  std::optional<Object> open(const WatchedDirectory& directory, std::string_view name,
                             const FileId& object) const;
  // Evidence for an object that came into the tree with the directory that holds it.
  void prove(std::uint32_t number, const Object& object, const std::string& path,
             std::uint64_t departures, WitnessKind kind);

  Lsm lsm_;
  InodePins pins_;
  std::shared_ptr<const PolicySet> set_;
  PolicyTables tables_;
  Processes& processes_;
  WatchedDirectories directories_;
  std::unordered_map<std::uint32_t, Tree> trees_;
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;  // of trees, by their ids
  std::vector<Tree> leaving_;                                 // tagged until finish()
  bool is_changing_ = false;                                  // between prepare() and finish()
  bool is_prepared_ = false;  // the kernel has the tables of the policies in force
  std::uint64_t last_id_ = 0;
  std::vector<std::uint32_t> visited_;
  std::deque<IncomingDirectory> incoming_;
  std::map<std::uint64_t, ComingSubvolume> subvolumes_;  // by the ids of trees
  // Files open for writing whose close has to be reported: directory and name, by tree and inode.
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::pair<std::uint64_t, std::string>> awaited_;
  std::optional<std::chrono::steady_clock::time_point> reports_closes_until_;
  std::uint32_t attached_guards_ = 0;
  std::string table_error_;
  std::uint64_t lost_ = 0;
  std::int32_t mounter_ = 0;
  std::chrono::steady_clock::time_point mounted_at_;
  NoticeReader* reader_ = nullptr;  // only during dispatch()
};

}  // namespace guard
