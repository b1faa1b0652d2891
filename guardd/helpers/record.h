// The messages between guardd and its helper processes, each one packet of a socket pair: a
// question, or a part of an answer. A packet is a fixed head and contents of a bounded size. Both
// ends are the same program, so numbers have the form of this machine. The reader trusts nothing
// that the other end wrote. Any thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

struct HelperRecord {
  std::uint64_t number = 0;  // of the question
  std::uint32_t kind = 0;    // of the question; its meaning belongs to the two ends
  bool is_last = true;       // of the parts of an answer
  std::string contents;
};

// A packet of the kernel's usual buffer holds three of these.
inline constexpr std::size_t kMostContents = 65'536;

enum class Patience : std::uint8_t { kNone, kForever };

// Fails with EAGAIN if the other end does not read and there is no patience. `descriptor` goes
// along; -1: none.
Status send_record(int socket, const HelperRecord& record, Patience patience, int descriptor = -1);
// Nothing: no packet is there. Fails if the other end has closed its end, or if the packet is not a
// record. `descriptor` gets what came along; if it is null, nothing may.
Result<std::optional<HelperRecord>> receive_record(int socket, Patience patience,
                                                   Fd* descriptor = nullptr);
// What the bytes of a packet say; nothing: they are not a record.
std::optional<HelperRecord> parse_record(std::string_view packet);

// Writes the contents of a record: numbers and texts, one after the other.
class ContentsWriter {
 public:
  template <typename Number>
  void number(Number value) {
    static_assert(std::is_trivially_copyable_v<Number> && !std::is_pointer_v<Number>);
    bytes_.append(reinterpret_cast<const char*>(&value),  // NOLINT(*-reinterpret-cast)
                  sizeof value);
  }
  void text(std::string_view text) {
    number(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text);
  }
  template <typename Number>
  void optional_number(const std::optional<Number>& value) {
    number(static_cast<std::uint8_t>(value.has_value()));
    if (value) number(*value);
  }
  void optional_text(const std::optional<std::string>& value) {
    number(static_cast<std::uint8_t>(value.has_value()));
    if (value) text(*value);
  }

  void append(const ContentsWriter& more) { bytes_ += more.bytes_; }
  std::size_t size() const { return bytes_.size(); }
  std::string take() { return std::exchange(bytes_, {}); }

 private:
  std::string bytes_;
};

// Reads them again. What is missing or too long makes the whole invalid, and reads as nothing.
class ContentsReader {
 public:
  explicit ContentsReader(std::string_view contents) : rest_(contents) {}

  template <typename Number>
  Number number() {
    static_assert(std::is_trivially_copyable_v<Number> && !std::is_pointer_v<Number> &&
                  !std::is_same_v<Number, bool>);
    Number value{};
    if (const auto bytes = take(sizeof value); !bytes.empty())
      std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string text(std::size_t most) {
    const auto size = number<std::uint32_t>();
    if (size > most) is_valid_ = false;
    return std::string(is_valid_ ? take(size) : std::string_view());
  }
  bool flag() {
    const auto value = number<std::uint8_t>();
    if (value > 1) is_valid_ = false;
    return value == 1;
  }
  template <typename Number>
  std::optional<Number> optional_number() {
    return flag() ? std::optional(number<Number>()) : std::nullopt;
  }
  std::optional<std::string> optional_text(std::size_t most) {
    return flag() ? std::optional(text(most)) : std::nullopt;
  }

  bool at_end() const { return rest_.empty(); }
  bool is_valid() const { return is_valid_; }
  // All of it was read, and nothing was missing.
  bool is_whole() const { return is_valid_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t size) {
    if (!is_valid_ || size > rest_.size()) {
      is_valid_ = false;
      return {};
    }
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  bool is_valid_ = true;
};

}  // namespace guard
