#include "guardd/publish/json_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "policy/base/overloaded.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// Bounds lists, whose contents come from outside guardd.
constexpr std::size_t kLongestList = 64;
constexpr std::size_t kLongestListBytes = 32'000;

}  // namespace

JsonLine::JsonLine(std::string_view type, Charset charset) : charset_(charset) {
  line_.reserve(2048);
  line_ = '{';
  text("type", type);
}

void JsonLine::key(std::string_view name) {
  if (!first_) line_ += ',';
  first_ = false;
  if (name.empty()) return;
  string(name);
  line_ += ':';
}

// `text` is UTF-8.
void JsonLine::string(std::string_view text) {
  const auto unit = [this](std::uint32_t value) {
    fmt::format_to(std::back_inserter(line_), "\\u{:04x}", value);
  };
  // What needs no escape, most often all of it, is added at once.
  const auto is_itself = [this](char each) {
    const auto c = static_cast<unsigned char>(each);
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f &&
           (c < 0x80 || charset_ == Charset::kUtf8);
  };
  line_ += '"';
  for (;;) {
    const auto* end = std::find_if_not(text.begin(), text.end(), is_itself);
    const auto size = static_cast<std::size_t>(end - text.begin());
    line_ += text.substr(0, size);
    text.remove_prefix(size);
    if (text.empty()) break;
    const auto c = static_cast<unsigned char>(text.front());
    if (c == '"' || c == '\\') {
      line_ += '\\';
      line_ += text.front();
    } else if (c < 0x80) {
      unit(c);
    } else {
      const auto point = decode_utf8(text);
      if (point.value > 0xffff) {
        unit(0xd7c0U + (point.value >> 10U));
        unit(0xdc00U + (point.value & 0x3ffU));
      } else {
        unit(point.value);
      }
      text.remove_prefix(point.length);
      continue;
    }
    text.remove_prefix(1);
  }
  line_ += '"';
}

void JsonLine::text(std::string_view name, std::string_view value, std::size_t longest) {
  if (cut_text(value, longest)) truncated_.emplace_back(name);
  key(name);
  if (is_utf8(value))
    string(value);
  else
    string(escaped(value));
}

void JsonLine::path(std::string_view name, std::string_view bytes, std::size_t longest) {
  if (cut_text(bytes, longest)) truncated_.emplace_back(name);
  text(name, bytes, longest);
  if (is_utf8(bytes)) return;
  key(std::string(name) + "_raw");
  line_ += '[';
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) line_ += ',';
    line_ += std::to_string(static_cast<unsigned char>(bytes[i]));
  }
  line_ += ']';
}

void JsonLine::number(std::string_view name, std::uint64_t value) {
  key(name);
  line_ += std::to_string(value);
}

void JsonLine::boolean(std::string_view name, bool value) {
  key(name);
  line_ += value ? "true" : "false";
}

void JsonLine::time(std::string_view name, TimePoint value) {
  key(name);
  string(rfc3339(value));
}

void JsonLine::field(std::string_view name, const FieldValue& value) {
  std::visit(Overloaded{[](std::monostate) {},  //
                        [&](std::uint64_t number_value) { number(name, number_value); },
                        [&](TextValue words) { text(name, words.text); },
                        [&](PathValue bytes) {
                          const bool object = name == "path" || name == "old_path";
                          path(name, bytes.bytes, object ? kLongestPath : kLongestText);
                        },
                        [&](Mode mode) { text(name, fmt::format("{:04o}", mode.value)); },
                        [&](TimePoint point) { time(name, point); },
                        [&](LineageValue lineage) { ancestors(name, lineage.ancestors); },
                        [&](ProcessValue one) { ancestor(name, *one.process); },
                        [&](ListValue list) { texts(name, list.texts); }},
             value);
}

void JsonLine::texts(std::string_view name, std::span<const std::string> values) {
  key(name);
  line_ += '[';
  first_ = true;
  std::size_t left = kLongestListBytes;
  bool whole = values.size() <= kLongestList;
  for (std::string_view value : values.first(std::min(values.size(), kLongestList))) {
    whole = !cut_text(value, std::min(left, kLongestPath)) && whole;
    left -= value.size();
    text({}, value, kLongestPath);
    if (left < 4) break;
  }
  whole = whole && left >= 4;
  if (!whole) truncated_.emplace_back(name);
  line_ += ']';
  first_ = false;
}

void JsonLine::process(const Ancestor& process) {
  if (process.pid != 0) number("pid", static_cast<std::uint64_t>(process.pid));
  if (process.start_time != 0) number("start_time", process.start_time);
  if (!process.comm.empty()) text("comm", process.comm);
  if (!process.exe.empty()) text("exe", process.exe);
  if (!process.cmdline.empty()) text("cmdline", process.cmdline);
  if (!process.cwd.empty()) text("cwd", process.cwd);
}

void JsonLine::ancestor(std::string_view name, const Ancestor& one) {
  begin(name);
  process(one);
  end();
}

void JsonLine::commands(std::string_view name, std::span<const CountedCommand> list) {
  key(name);
  line_ += '[';
  first_ = true;
  for (const auto& each : list) {
    begin({});
    process(each.command);
    number("count", each.count);
    end();
  }
  line_ += ']';
  first_ = false;
}

void JsonLine::ancestors(std::string_view name, std::span<const Ancestor> list) {
  key(name);
  line_ += '[';
  first_ = true;
  constexpr std::size_t kMost = 8;
  for (const auto& one : list.first(std::min(list.size(), kMost))) ancestor({}, one);
  if (list.size() > kMost) truncated_.emplace_back(name);
  line_ += ']';
  first_ = false;
}

void JsonLine::begin(std::string_view name) {
  key(name);
  line_ += '{';
  first_ = true;
}

void JsonLine::end() {
  line_ += '}';
  first_ = false;
}

std::string JsonLine::finish() && {
  if (!truncated_.empty()) texts("truncated", std::vector<std::string>(std::move(truncated_)));
  line_ += "}\n";
  return std::move(line_);
}

}  // namespace guard
