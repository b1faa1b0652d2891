// Builds the body of a message piece by piece. Always writes valid strings, because one invalid
// string would end the whole connection. After a failure all further calls fail, and the message
// must not be sent. Any thread, one at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <systemd/sd-bus.h>

#include "policy/record/fields.h"

namespace guard::bus {

class Writer {
 public:
  explicit Writer(sd_bus_message* message) : message_(message) {}

  void text(std::string_view value);                // s
  void texts(std::span<const std::string> values);  // as
  void bytes(std::string_view value);               // ay
  void number(std::uint64_t value) { basic('t', &value); }
  void small_number(std::uint32_t value) { basic('u', &value); }
  void boolean(bool value);
  // Everything until close() goes inside: 'a', 'v', 'e' and so on.
  void open(char kind, const char* contents);
  void close();

  // 0, or the negative errno of the first failure.
  int code() const { return code_; }

 private:
  void basic(char type, const void* value);

  sd_bus_message* message_;
  int code_ = 0;
};

// The fields of one a{sv}, which is open as long as this object exists.
class RecordWriter {
 public:
  explicit RecordWriter(Writer& writer) : writer_(writer) { writer_.open('a', "{sv}"); }
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  void text(const char* key, std::string_view value, std::size_t longest = kLongestText);
  // Adds KEY_raw if it is not text.
  void path(const char* key, std::string_view bytes, std::size_t longest = kLongestPath);
  // Adds KEY_raw (aay) with all values if one is not text.
  void paths(const char* key, std::span<const std::string> values);
  void texts(const char* key, std::span<const std::string> values);
  void number(const char* key, std::uint64_t value);
  void numbers(const char* key, std::span<const std::uint64_t> values);
  void boolean(const char* key, bool value);
  void time(const char* key, TimePoint value) { text(key, rfc3339(value)); }

  // write(RecordWriter&) writes a nested record.
  template <typename Write>
  void record(const char* key, Write write) {
    open(key, "a{sv}");
    {
      RecordWriter inner(writer_);
      write(inner);
    }
    close();
  }
  // write(RecordWriter&, element) writes each record of a list.
  template <typename Range, typename Write>
  void records(const char* key, const Range& range, Write write) {
    open(key, "aa{sv}");
    writer_.open('a', "a{sv}");
    for (const auto& element : range) {
      RecordWriter inner(writer_);
      write(inner, element);
    }
    writer_.close();
    close();
  }

 private:
  void open(const char* key, const char* type);
  void close();

  Writer& writer_;
  std::vector<std::string> truncated_;
};

// Whether sd-bus and the bus daemon accept it as a string.
bool is_bus_text(std::string_view bytes);
// The text itself, or C-escaped if it is not valid.
std::string bus_text(std::string_view bytes);

}  // namespace guard::bus
