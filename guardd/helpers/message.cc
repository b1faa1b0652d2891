#include "guardd/helpers/message.h"

#include <algorithm>
#include <cerrno>

namespace guard {
namespace {

// Calls `each` with the records that a message is made of.
template <typename Each>
Status split(std::uint32_t kind, std::string_view contents, Each each) {
  do {
    const auto part = contents.substr(0, kMostContents);
    contents.remove_prefix(part.size());
    GUARD_CHECK(each(HelperRecord{0, kind, contents.empty(), std::string(part)}));
  } while (!contents.empty());
  return {};
}

}  // namespace

Status send_message(int socket, std::uint32_t kind, std::string_view contents, int descriptor) {
  return split(kind, contents, [&](const HelperRecord& record) {
    return send_record(socket, record, Patience::kForever, std::exchange(descriptor, -1));
  });
}

void MessageQueue::add(std::uint32_t kind, std::string_view contents) {
  (void)split(kind, contents, [this](HelperRecord record) -> Status {
    records_.push_back(std::move(record));
    return {};
  });
}

Status MessageQueue::send(int socket) {
  while (!records_.empty()) {
    const auto sent = send_record(socket, records_.front(), Patience::kNone);
    if (!sent && sent.error().code() == EAGAIN) return {};
    GUARD_CHECK(sent);
    records_.pop_front();
  }
  return {};
}

Result<std::optional<HelperMessage>> MessageReader::receive(int socket, Patience patience) {
  for (;;) {
    Fd descriptor;
    GUARD_TRY(auto record, receive_record(socket, patience, &descriptor));
    if (!record) return std::optional<HelperMessage>();
    if (descriptor) message_.descriptor = std::move(descriptor);
    const bool is_first = message_.contents.empty();
    if (!is_first && record->kind != message_.kind) return Error("two messages are mixed");
    if (message_.contents.size() + record->contents.size() > kMost)
      return Error("a message is too long");
    message_.kind = record->kind;
    message_.contents += record->contents;
    if (record->is_last) return std::optional(std::exchange(message_, {}));
  }
}

}  // namespace guard
