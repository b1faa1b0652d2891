#include "policy/diagnostic.h"

#include <algorithm>
#include <utility>

#include "policy/base/text.h"

namespace guard {

std::uint32_t Diagnostics::add_file(std::string path) {
  files_.push_back(std::move(path));
  return static_cast<std::uint32_t>(files_.size() - 1);
}

void Diagnostics::error(Place place, std::string message) {
  ++errors_;
  all_.push_back({Diagnostic::Kind::kError, place, std::move(message)});
}

void Diagnostics::warning(Place place, std::string message) {
  all_.push_back({Diagnostic::Kind::kWarning, place, std::move(message)});
}

void Diagnostics::sort() {
  std::stable_sort(all_.begin(), all_.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.place < b.place; });
}

std::string Diagnostics::format(const Diagnostic& diagnostic) const {
  const auto& [kind, place, message] = diagnostic;
  return escaped(files_[place.file]) + ':' + std::to_string(place.line) + ':' +
         std::to_string(place.column) +
         (kind == Diagnostic::Kind::kWarning ? ": warning: " : ": ") + printable(message);
}

std::string Diagnostics::where(Place place) const {
  return escaped(files_[place.file]) + ':' + std::to_string(place.line);
}

}  // namespace guard
