// Errors and warnings about policy files: collected, never thrown, for all files in one pass.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace guard {

// A position in a policy file. Line 0: the value is a default.
struct Place {
  std::uint32_t file = 0;  // index into the list of files
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  explicit operator bool() const { return line != 0; }
  friend auto operator<=>(const Place&, const Place&) = default;  // NOLINT(modernize-use-nullptr)
};

struct Diagnostic {
  enum class Kind : std::uint8_t { kError, kWarning };
  Kind kind = Kind::kError;
  Place place;
  std::string message;  // one sentence; its values are already quoted with quote()
};

// The files that were read, and the diagnostics about them.
class Diagnostics {
 public:
  std::uint32_t add_file(std::string path);

  void error(Place place, std::string message);
  void warning(Place place, std::string message);

  bool has_errors() const { return errors_ > 0; }
  std::size_t errors() const { return errors_; }
  const std::vector<Diagnostic>& all() const { return all_; }
  const std::vector<std::string>& files() const { return files_; }

  // Sorted by file, then by line: the order in which a user fixes them.
  void sort();

  // "FILE:LINE:COLUMN: message", safe for a terminal.
  std::string format(const Diagnostic& diagnostic) const;
  // "FILE:LINE", for a message that refers to another place.
  std::string where(Place place) const;

 private:
  std::vector<std::string> files_;
  std::vector<Diagnostic> all_;
  std::size_t errors_ = 0;
};

}  // namespace guard
