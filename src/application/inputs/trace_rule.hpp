#pragma once

#include "kronwerk/configuration/job.hpp"
#include "kronwerk/operators/grids/projection.hpp"

namespace kronwerk::application {

/// Where the key `trace` puts the traces that move freely between the factors of a sum.
inline operators::TraceRule to_trace_rule(configuration::TraceChoice choice) {
  switch (choice) {
    case configuration::TraceChoice::first:
      return operators::TraceRule::first;
    case configuration::TraceChoice::none:
      return operators::TraceRule::none;
    case configuration::TraceChoice::split:
      break;
  }
  return operators::TraceRule::split;
}

}  // namespace kronwerk::application
