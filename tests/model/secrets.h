// The texts that root has written, and whether the service may come to read them: because root
// itself created the file in the tree, moved it in, or took it away from the service there.
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace guard::test {

// Whose an object at a path should be.
enum class Place {
  kServices,  // in the tree
  kRoots,     // in the tree, and excluded or root's by a rule
  kShared,    // in the tree, and root's by a rule, and the service's group may read it
  kOutside,
};

// Of an absolute path or of one relative to srv.
Place place_of(const std::string& path);
// Whether the service may read what root creates there.
bool is_services_to_read(Place place);

class Secrets {
 public:
  struct Secret {
    std::string origin;  // where root wrote it
    bool is_granted = false;
    bool is_hidden_by_directory = false;  // its own mode lets everybody read it
    std::chrono::steady_clock::time_point born = std::chrono::steady_clock::now();
  };

  // Returns the text to write, without the end of the line. No text is ever used twice.
  std::string add(const std::string& origin, bool is_granted);
  Secret* find(const std::string& text);
  void grant(const std::string& text);
  void grant_all();
  void forget_all() { secrets_.clear(); }

  // For another process.
  std::string written() const;
  void read(const std::string& written);

 private:
  std::map<std::string, Secret> secrets_;
  int count_ = 0;
};

}  // namespace guard::test
