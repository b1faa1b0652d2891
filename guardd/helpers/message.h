// Messages of any size, up to a bound, as a row of records: for helpers that are asked for more
// than one thing at a time. One thread at each end.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "guardd/helpers/record.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

struct HelperMessage {
  std::uint32_t kind = 0;
  std::string contents;
  Fd descriptor{};  // that came along
};

// Waits until the other end has room. `descriptor` goes along.
Status send_message(int socket, std::uint32_t kind, std::string_view contents, int descriptor = -1);

// Sends what there is room for, and keeps the rest.
class MessageQueue {
 public:
  void add(std::uint32_t kind, std::string_view contents);
  bool empty() const { return records_.empty(); }
  Status send(int socket);
  void clear() { records_.clear(); }

 private:
  std::deque<HelperRecord> records_;
};

// Puts the records of a message together.
class MessageReader {
 public:
  static constexpr std::size_t kMost = std::size_t{64} << 20U;

  // Nothing: no whole message is there. Fails as receive_record() does, or if one is too long.
  Result<std::optional<HelperMessage>> receive(int socket, Patience patience);

 private:
  HelperMessage message_;
};

}  // namespace guard
