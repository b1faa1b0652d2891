// Asks guardd over the bus and waits for the answer. Whatever it answers is checked for its types
// and for nothing else: text is what somebody far away has typed. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dbus/client/answer.h"
#include "dbus/client/event.h"
#include "dbus/client/status.h"
#include "dbus/client/value.h"
#include "dbus/handles.h"

namespace guard::bus {

// Which incidents; what is empty does not matter.
struct IncidentQuery {
  using TimePoint = std::chrono::system_clock::time_point;
  std::optional<TimePoint> since;
  std::optional<TimePoint> until;
  std::string policy;
  std::string login;
  std::string severity;  // at least
  std::string path;      // this and below
  std::string command;
  std::string incident;
  std::optional<std::uint32_t> limit;
};

struct Totals {
  std::uint32_t found = 0;
  std::uint32_t fixed = 0;
};

// What to do while guardd goes through trees: hear how far it is, and end when something can be
// read from the descriptor `stop`. guardd ends then, too; the failure is kStopped.
struct PendingSignals {
  std::function<void(const ScanNow&)> hear;
  int stop = -1;
};

class Client {
 public:
  // How long an answer may take: to what is known already, to what a person must first type a
  // password for, and to what goes through whole trees.
  struct Patience {
    std::chrono::microseconds known = std::chrono::seconds(20);
    std::chrono::microseconds asking = std::chrono::minutes(10);
    std::chrono::microseconds looking = std::chrono::hours(24 * 7);
  };

  // On the system's bus if the address is empty. guardd need not be there yet.
  static Answer<Client> open(const std::string& address = {});

  void set_patience(const Patience& patience) { patience_ = patience; }
  // Whether a person is there to be asked for a password, before something is changed.
  void set_interactive(bool interactive) { interactive_ = interactive; }

  Answer<Nothing> reload();
  // A policy's name, a path, or empty for all.
  Answer<Totals> scan(const std::string& where, bool fix, const PendingSignals& meanwhile = {});
  // What is wrong, as many as `most` (0: as guardd thinks), and how many there are.
  struct Wrong {
    std::vector<Map> files;
    std::uint32_t found = 0;
  };
  Answer<Wrong> find_wrong(const std::string& where, std::uint32_t most,
                           const PendingSignals& meanwhile = {});
  // An operation, or empty for all.
  Answer<Map> explain(const std::string& path, std::uint32_t uid, const std::string& operation);
  Answer<Nothing> pause(const std::string& policy, std::chrono::microseconds length,
                        const std::string& reason);
  Answer<Nothing> resume(const std::string& policy);
  // The calling process, and all that it starts from here on.
  Answer<Nothing> excuse(const std::string& reason, const std::string& command);
  Answer<std::vector<Map>> list_incidents(const IncidentQuery& filter);
  Answer<Map> get_incident(const std::string& id);
  // The limit is that of each table; see report_reader.h.
  Answer<Map> report(const IncidentQuery& filter);
  // Of one policy; see lessons_reader.h.
  Answer<Map> learn(const IncidentQuery& filter);
  // How many files were given back.
  Answer<std::uint32_t> undo(const std::string& id);
  // Or would be, and which, as many as `most` (0: as guardd thinks), and which not and why.
  struct UndoResult {
    std::vector<Map> files;
    std::uint32_t restored = 0;
    std::uint32_t left = 0;
  };
  Answer<UndoResult> undo_files(const std::string& id, bool dry_run, std::uint32_t most);
  Answer<Facts> status();
  Answer<std::vector<PolicyFacts>> policies();

  // Tells what guardd says until tell() returns false or something can be read from the descriptor
  // `stop`. A failure if guardd is not there, or ends. tell() may ask guardd for more. What guardd
  // says once listening() was called is heard.
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
  Answer<Nothing> listen(const std::string& rule);
  Answer<std::string> owner();

  Bus bus_;
  Patience patience_;
  bool interactive_ = false;
};

}  // namespace guard::bus
