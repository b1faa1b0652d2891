// The journal's socket, on which each line of a queue is one datagram in its native protocol. Comes
// back to a journal that was started anew; what is too long for a datagram is handed over in sealed
// memory. Never waits, as sd_journal_sendv(3) would for a journal that stands still. The queue's
// thread only, but for is_the_journal().
#pragma once

#include <string>

#include "guardd/publish/outlet.h"
#include "policy/base/handle.h"

namespace guard {

inline constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

class JournalSocket final : public Outlet {
 public:
  explicit JournalSocket(std::string path = kJournalSocket) : path_(std::move(path)) {}

  int descriptor() const noexcept override { return socket_.get(); }
  ssize_t write(std::string_view datagram) noexcept override;

 private:
  bool connect() noexcept;
  bool send(std::string_view datagram) noexcept;

  const std::string path_;
  Fd socket_;  // none while there is no journal
};

// Whether systemd has connected this descriptor to the journal, and nobody something else since.
bool is_the_journal(int fd);

}  // namespace guard
