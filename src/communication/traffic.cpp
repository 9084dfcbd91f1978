#include "kronwerk/communication/traffic.hpp"

namespace kronwerk::communication {

Traffic& traffic() noexcept {
  static Traffic instance;
  return instance;
}

}  // namespace kronwerk::communication
