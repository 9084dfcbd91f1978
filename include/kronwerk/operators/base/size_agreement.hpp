#pragma once

#include <functional>
#include <string>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::operators {

/// That all ranks give an operator blocks of the sizes that its layouts say.
///
/// They agree on it once: a first use with wrong sizes, a mistake of who calls, ends with the same
/// error on every rank. The layouts stay what they are, so later uses are checked by each rank on
/// its own, and an application takes no collective for it.
class SizeAgreement {
 public:
  /// Collective until it has succeeded once, then local.
  /// @param fits  whether this rank's sizes are right
  /// @throws ShapeError with message(), at first on every rank or on none
  void check(const communication::Communicator& comm, bool fits,
             const std::function<std::string()>& message) const;

 private:
  mutable bool agreed_ = false;
};

}  // namespace kronwerk::operators
