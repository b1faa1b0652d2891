// Calls guardd over the bus and waits for the answer. Checks only the types of an answer: text in
// it is untrusted. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dbus/client/answer.h"
#include "dbus/client/event.h"
#include "dbus/client/status.h"
#include "dbus/client/value.h"
#include "dbus/handles.h"
#include "policy/record/record_filter.h"

namespace guard::bus {

struct Totals {
  std::uint32_t found = 0;
  std::uint32_t fixed = 0;
};

// Options for calls that scan trees: progress is reported to `hear`, and the call stops when `stop`
// becomes readable. guardd then stops, too; the failure is kStopped.
struct PendingSignals {
  std::function<void(const ScanNow&)> hear;
  int stop = -1;
};

class Client {
 public:
  // How long an answer can take: for known data, for calls that need a password,
  // and for scans of whole trees.
  struct Patience {
    std::chrono::microseconds known = std::chrono::seconds(20);
    std::chrono::microseconds asking = std::chrono::minutes(10);
    std::chrono::microseconds looking = std::chrono::hours(24 * 7);
  };

  // An empty address means the system bus. guardd need not be running yet.
  static Answer<Client> open(const std::string& address = {});

  void set_patience(const Patience& patience) { patience_ = patience; }
  // Whether polkit may ask a person for a password before a change.
  void set_interactive(bool interactive) { interactive_ = interactive; }

  Answer<Nothing> reload();
  // The name of a policy, a path, or empty for all.
  Answer<Totals> scan(const std::string& where, bool fix, const PendingSignals& meanwhile = {});
  // Violations, at most `most` (0: guardd's default), and their total number.
  struct WrongFiles {
    std::vector<Map> files;
    std::uint32_t found = 0;
  };
  Answer<WrongFiles> find_wrong(const std::string& where, std::uint32_t most,
                                const PendingSignals& meanwhile = {});
  Answer<Nothing> pause(const std::string& policy, std::chrono::microseconds length,
                        const std::string& reason);
  Answer<Nothing> resume(const std::string& policy);
  // Excuses the calling process and everything that it starts from now on.
  Answer<Nothing> excuse(const std::string& reason, const std::string& command);
  Answer<std::vector<Map>> list_incidents(const RecordFilter& filter);
  Answer<Map> get_incident(const std::string& id);
  // The limit applies to each table; see report_reader.h.
  Answer<Map> report(const RecordFilter& filter);
  // For one policy; see report_reader.h.
  Answer<Map> learn(const RecordFilter& filter);
  // What an undo restores or would restore, at most `most` files (0: guardd's default), and what
  // not and why.
  struct UndoResult {
    std::vector<Map> files;
    std::uint32_t restored = 0;
    std::uint32_t left = 0;
  };
  Answer<UndoResult> undo_files(const std::string& id, bool dry_run, std::uint32_t most);
  Answer<Facts> status();
  Answer<std::vector<PolicyFacts>> policies();

  // Passes guardd's signals to tell() until it returns false or the descriptor `stop` becomes
  // readable. Fails if guardd is not running or exits. tell() can call guardd. No signal is missed
  // after listening() was called.
  Answer<Nothing> watch(const std::function<bool(const Event&)>& tell, int stop,
                        const std::function<void()>& listening = {});

 private:
  struct Call;

  explicit Client(Bus bus) : bus_(std::move(bus)) {}

  template <typename Fill>
  Answer<Message> put_together(const Call& call, Fill fill);
  template <typename Fill>
  Answer<Message> ask(const Call& call, Fill fill);
  template <typename Fill>
  Answer<Message> ask(const Call& call, Fill fill, const PendingSignals& meanwhile);
  template <typename T, typename Fill>
  Answer<T> ask_for(const Call& call, Fill fill);
  Answer<Nothing> listen(const std::string& rule);
  Answer<std::string> owner();

  Bus bus_;
  Patience patience_;
  bool interactive_ = false;
};

}  // namespace guard::bus
