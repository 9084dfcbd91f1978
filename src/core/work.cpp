#include "kronwerk/core/work.hpp"

namespace kronwerk::core {

Work& work() noexcept {
  static Work instance;
  return instance;
}

}  // namespace kronwerk::core
