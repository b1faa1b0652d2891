// Reads waiting opens from the groups and passes each to the handler. One thread of its own, which
// does nothing else and never waits for a file system. If many wait, others answer beside it.
#pragma once

#include <poll.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "guardd/permission/extra_readers.h"
#include "guardd/permission/group.h"
#include "guardd/permission/open_handler.h"
#include "guardd/permission/watchdog.h"

namespace guard {

class PermissionReader {
 public:
  using Groups = std::vector<std::shared_ptr<PermissionGroup>>;

  // The extra readers use `wake`, an eventfd, as soon as they are started.
  PermissionReader(OpenHandler& handler, PermissionWatchdog& watchdog, ExtraReaders& extra,
                   int wake);
  ~PermissionReader();
  PermissionReader(const PermissionReader&) = delete;
  PermissionReader& operator=(const PermissionReader&) = delete;

  void start();
  // From here on, reads these groups. Those left out are read for a moment longer: an open that was
  // held up on its way to the kernel's queue knows only the old group. Any thread.
  void use(Groups groups);

 private:
  struct Source {
    std::shared_ptr<PermissionGroup> group;
    std::optional<std::chrono::steady_clock::time_point> leaves_at;
  };

  void wake() const;
  void run(const std::stop_token& stop);
  void take_groups();
  bool release_left();
  int wait(bool any_leaves);
  void answer(WaitingOpen&& waiting);
  void answer_again();
  bool answer_some(const std::shared_ptr<PermissionGroup>& group);
  void answer_burst(const std::shared_ptr<PermissionGroup>& group);

  OpenHandler& handler_;
  PermissionWatchdog& watchdog_;
  ExtraReaders& extra_;
  const int wake_;
  std::mutex mutex_;
  std::shared_ptr<const Groups> groups_ = std::make_shared<const Groups>();

  // The thread's.
  std::shared_ptr<const Groups> known_;
  std::vector<Source> sources_;
  std::vector<pollfd> polled_;  // wake_, the helpers, the sources
  // Opens whose threads do not sleep yet, or about which helpers were asked. The watchdog watches
  // them as well.
  std::vector<WaitingOpen> to_answer_again_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace guard
