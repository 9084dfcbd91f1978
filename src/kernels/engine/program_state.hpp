#pragma once

#include "kernels/engine/compile.hpp"
#include "kronwerk/kernels/engine/program.hpp"

namespace kronwerk::kernels {

struct Program::State {
  Expression formula;
  Precision precision;
  Compiled values;    ///< the values themselves, tile by tile
  Compiled products;  ///< times one vector
};

}  // namespace kronwerk::kernels
