#include "dbus/service/writer.h"

#include <algorithm>

#include "policy/base/text.h"

namespace guard::bus {
namespace {

// Bounds lists with contents from outside guardd.
constexpr std::size_t kMostPaths = 64;
constexpr std::size_t kMostPathBytes = 32'000;

// Unicode noncharacters, which sd-bus rejects.
bool is_noncharacter(std::uint32_t c) {
  return (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffeU) == 0xfffeU;
}

void append_escaped(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += "0123456789abcdef"[byte >> 4U];
    out += "0123456789abcdef"[byte & 0xfU];
  }
}

}  // namespace

bool is_bus_text(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto point = decode_utf8(bytes);
    if (point.value == 0 || point.value >= kBadByte || is_noncharacter(point.value)) return false;
    bytes.remove_prefix(point.length);
  }
  return true;
}

std::string bus_text(std::string_view bytes) {
  if (is_bus_text(bytes)) return std::string(bytes);
  const auto shown = escaped(bytes);
  std::string out;
  for (std::string_view rest = shown; !rest.empty();) {
    const auto point = decode_utf8(rest);
    const auto character = rest.substr(0, point.length);
    if (is_noncharacter(point.value))
      append_escaped(out, character);
    else
      out += character;
    rest.remove_prefix(point.length);
  }
  return out;
}

void Writer::basic(char type, const void* value) {
  if (code_ < 0) return;
  code_ = std::min(0, sd_bus_message_append_basic(message_, type, value));
}

void Writer::text(std::string_view value) {
  basic('s', bus_text(value).c_str());
}

void Writer::texts(std::span<const std::string> values) {
  open('a', "s");
  for (const auto& value : values) text(value);
  close();
}

void Writer::bytes(std::string_view value) {
  if (code_ < 0) return;
  code_ = std::min(0, sd_bus_message_append_array(message_, 'y', value.data(), value.size()));
}

void Writer::boolean(bool value) {
  const int number = value ? 1 : 0;
  basic('b', &number);
}

void Writer::open(char kind, const char* contents) {
  if (code_ < 0) return;
  code_ = std::min(0, sd_bus_message_open_container(message_, kind, contents));
}

void Writer::close() {
  if (code_ < 0) return;
  code_ = std::min(0, sd_bus_message_close_container(message_));
}

RecordWriter::~RecordWriter() {
  if (!truncated_.empty()) texts("truncated", std::vector<std::string>(std::move(truncated_)));
  writer_.close();
}

void RecordWriter::open(const char* key, const char* type) {
  writer_.open('e', "sv");
  writer_.text(key);
  writer_.open('v', type);
}

void RecordWriter::close() {
  writer_.close();
  writer_.close();
}

void RecordWriter::text(const char* key, std::string_view value, std::size_t longest) {
  if (cut_text(value, longest)) truncated_.emplace_back(key);
  open(key, "s");
  writer_.text(value);
  close();
}

void RecordWriter::path(const char* key, std::string_view bytes, std::size_t longest) {
  if (cut_text(bytes, longest)) truncated_.emplace_back(key);
  text(key, bytes, longest);
  if (is_bus_text(bytes)) return;
  open((std::string(key) + "_raw").c_str(), "ay");
  writer_.bytes(bytes);
  close();
}

void RecordWriter::texts(const char* key, std::span<const std::string> values) {
  open(key, "as");
  writer_.texts(values);
  close();
}

void RecordWriter::paths(const char* key, std::span<const std::string> values) {
  std::vector<std::string_view> shown;
  std::size_t left = kMostPathBytes;
  for (std::string_view value : values.first(std::min(values.size(), kMostPaths))) {
    (void)cut_text(value, kLongestPath);
    if (value.size() > left) break;
    left -= value.size();
    shown.push_back(value);
  }
  if (shown.size() < values.size()) truncated_.emplace_back(key);
  open(key, "as");
  writer_.open('a', "s");
  for (const auto value : shown) writer_.text(value);
  writer_.close();
  close();
  if (std::all_of(shown.begin(), shown.end(), is_bus_text)) return;
  open((std::string(key) + "_raw").c_str(), "aay");
  writer_.open('a', "ay");
  for (const auto value : shown) writer_.bytes(value);
  writer_.close();
  close();
}

void RecordWriter::number(const char* key, std::uint64_t value) {
  open(key, "t");
  writer_.number(value);
  close();
}

void RecordWriter::numbers(const char* key, std::span<const std::uint64_t> values) {
  open(key, "at");
  writer_.open('a', "t");
  for (const auto value : values) writer_.number(value);
  writer_.close();
  close();
}

void RecordWriter::boolean(const char* key, bool value) {
  open(key, "b");
  writer_.boolean(value);
  close();
}

}  // namespace guard::bus
