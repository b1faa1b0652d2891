#include "policy/base/result.h"

#include <system_error>

namespace guard {

Error Error::from_errno(int code, const std::string& what) {
  return Error(what + ": " + std::generic_category().message(code), code);
}

}  // namespace guard
