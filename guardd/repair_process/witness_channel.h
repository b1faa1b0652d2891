// The repair process asks the main process for evidence: there are the events and the tags of
// inodes. A question waits for the answer, so each end of the channel has threads of its own, and
// the loop of neither process has a part in it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "guardd/evidence/witness.h"
#include "guardd/helpers/record.h"
#include "policy/base/handle.h"

namespace guard {

// In the main process: answers until the channel is closed. Its threads wait for the loop, as the
// witness does, and for nothing else.
class WitnessServer {
 public:
  // One question can wait for events to be handled while another is answered.
  static constexpr unsigned kThreads = 2;

  // `witness` outlives this.
  WitnessServer(Fd channel, Witness& witness);
  ~WitnessServer();
  WitnessServer(const WitnessServer&) = delete;
  WitnessServer& operator=(const WitnessServer&) = delete;

  // Its threads end soon: when the witness lets them.
  void close();
  bool has_ended() const { return threads_at_work_ == 0; }

 private:
  void serve();
  std::string answer(const HelperRecord& question, int object) const;
  void remember(const HelperRecord& what) const;

  const Fd channel_;
  Witness& witness_;
  std::atomic<unsigned> threads_at_work_{kThreads};
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

// In the repair process: the witness as its threads know it. Fails safe: where no answer comes,
// there is no evidence. Never ends before the process does.
class AskedWitness final : public Witness {
 public:
  static constexpr auto kLongestAnswer = std::chrono::seconds(10);
  static constexpr std::size_t kMostRemembered = 256;  // before they are sent

  struct Kind {
    bool has_memory = false;
    bool wants_object = false;
  };
  AskedWitness(Fd channel, Kind kind);

  std::optional<Evidence> evidence_for(const WitnessQuestion& question) override {
    return evidence_for_all({&question, 1}).front();
  }
  // More than one only if the witness does not want the object.
  std::vector<std::optional<Evidence>> evidence_for_all(
      std::span<const WitnessQuestion> questions) override;
  bool wants_object() const override { return kind_.wants_object; }
  int fd() const { return channel_.get(); }
  bool has_memory() const override { return kind_.has_memory; }
  void remember(const FileId& directory, std::span<const FileId> objects, OwnerIds owner) override;
  // What was to be remembered is, from here on: it may have waited for more.
  void flush();

 private:
  struct OwnedFiles {
    FileId directory;
    OwnerIds owner;
    std::vector<FileId> objects;
  };

  void receive();
  void send_remembered();

  const Fd channel_;
  const Kind kind_;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::uint64_t last_number_ = 0;
  // Those that are waited for. The contents of the record, once it is there.
  std::map<std::uint64_t, std::optional<std::string>> answers_;
  std::atomic<bool> has_remembered_{false};
  OwnedFiles remembered_;
  std::jthread receiver_;
};

// Gives the calling thread a descriptor table of its own, with only these: then a file system that
// never answers blocks this thread alone, and keeps nothing else open. `witness` may be null.
void work_apart(const AskedWitness* witness, int inbox);

}  // namespace guard
