// The journal's socket: each line of a queue is one datagram in the native protocol. Reconnects to
// a restarted journal, and passes entries that are too long for a datagram in sealed memory. Never
// waits, unlike sd_journal_sendv(3) with a blocked journal. The queue's thread only, except for
// is_the_journal().
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
  Fd socket_;  // empty while there is no journal
};

// Whether systemd has connected this descriptor to the journal, and it is still connected to it.
bool is_the_journal(int fd);

}  // namespace guard
