#include "dbus/client/value_reader.h"

#include <cstring>

namespace guard::bus {
namespace {

Error unreadable(int code) {
  return Error::from_errno(-code, "cannot read a message");
}

Status read_into(sd_bus_message* message, Value& value);

template <typename Wire, typename Stored>
Status read_basic(sd_bus_message* message, char type, Value& value) {
  Wire wire{};
  if (const int code = sd_bus_message_read_basic(message, type, &wire); code < 0)
    return unreadable(code);
  value.held.emplace<Stored>(wire);
  return {};
}

Status read_bytes(sd_bus_message* message, Value& value) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (const int code = sd_bus_message_read_array(message, 'y', &data, &size); code < 0)
    return unreadable(code);
  auto& bytes = value.held.emplace<Bytes>(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  return {};
}

// Calls read() for each element of the container; the bus permits 64 levels of nesting.
template <typename Read>
Status read_container(sd_bus_message* message, char type, const std::string& contents, Read read) {
  if (const int code = sd_bus_message_enter_container(message, type, contents.c_str()); code < 0)
    return unreadable(code);
  for (;;) {
    const int end = sd_bus_message_at_end(message, 0);
    if (end < 0) return unreadable(end);
    if (end > 0) break;
    GUARD_CHECK(read());
  }
  if (const int code = sd_bus_message_exit_container(message); code < 0) return unreadable(code);
  return {};
}

Status read_list(sd_bus_message* message, char type, const std::string& contents, Value& value) {
  auto& list = value.held.emplace<List>();
  return read_container(message, type, contents,
                        [&] { return read_into(message, list.emplace_back()); });
}

// Dictionaries with keys other than strings are ignored.
Status read_map(sd_bus_message* message, const std::string& contents, Value& value) {
  auto& map = value.held.emplace<Map>();
  const auto entry = contents.substr(1, contents.size() - 2);  // "{sv}"
  return read_container(message, 'a', contents, [&]() -> Status {
    Value name;
    Value held;
    bool named = false;
    GUARD_CHECK(read_container(message, 'e', entry, [&] {
      auto& next = named ? held : name;
      named = true;
      return read_into(message, next);
    }));
    if (auto* text = std::get_if<std::string>(&name.held))
      map.push_back({std::move(*text), std::move(held)});
    return {};
  });
}

Status read_into(sd_bus_message* message, Value& value) {
  char type = 0;
  const char* inside = nullptr;
  const int found = sd_bus_message_peek_type(message, &type, &inside);
  if (found < 0) return unreadable(found);
  if (found == 0) return Error("an argument is missing");
  const std::string contents = inside ? inside : "";
  switch (type) {
    case SD_BUS_TYPE_BOOLEAN:
      return read_basic<int, bool>(message, type, value);
    case SD_BUS_TYPE_BYTE:
      return read_basic<std::uint8_t, std::uint64_t>(message, type, value);
    case SD_BUS_TYPE_UINT16:
      return read_basic<std::uint16_t, std::uint64_t>(message, type, value);
    case SD_BUS_TYPE_UINT32:
      return read_basic<std::uint32_t, std::uint64_t>(message, type, value);
    case SD_BUS_TYPE_UINT64:
      return read_basic<std::uint64_t, std::uint64_t>(message, type, value);
    case SD_BUS_TYPE_INT16:
      return read_basic<std::int16_t, std::int64_t>(message, type, value);
    case SD_BUS_TYPE_INT32:
      return read_basic<std::int32_t, std::int64_t>(message, type, value);
    case SD_BUS_TYPE_INT64:
      return read_basic<std::int64_t, std::int64_t>(message, type, value);
    case SD_BUS_TYPE_DOUBLE:
      return read_basic<double, double>(message, type, value);
    case SD_BUS_TYPE_STRING:
    case SD_BUS_TYPE_OBJECT_PATH:
    case SD_BUS_TYPE_SIGNATURE:
      return read_basic<const char*, std::string>(message, type, value);
    case SD_BUS_TYPE_VARIANT:  // the contents of a variant count like a plain value
      return read_container(message, type, contents, [&] { return read_into(message, value); });
    case SD_BUS_TYPE_STRUCT:
      return read_list(message, type, contents, value);
    case SD_BUS_TYPE_ARRAY:
      if (contents == "y") return read_bytes(message, value);
      if (contents.starts_with('{')) return read_map(message, contents, value);
      return read_list(message, type, contents, value);
    default:
      break;
  }
  if (const int code = sd_bus_message_skip(message, nullptr); code < 0) return unreadable(code);
  return {};
}

}  // namespace

Result<Value> read_value(sd_bus_message* message) {
  Value value;
  GUARD_CHECK(read_into(message, value));
  return value;
}

}  // namespace guard::bus
