#include "kronwerk/operators/base/size_agreement.hpp"

namespace kronwerk::operators {

void SizeAgreement::check(const communication::Communicator& comm, bool fits,
                          const std::function<std::string()>& message) const {
  const auto check_own = [&] {
    if (!fits) throw core::ShapeError(message());
  };
  if (agreed_) return check_own();
  communication::collectively(comm, check_own);
  agreed_ = true;
}

}  // namespace kronwerk::operators
