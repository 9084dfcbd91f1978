#pragma once

#include <functional>
#include <string_view>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::core {

/// Hears how far long work is: "lines", 3000 of 40000.
using ProgressListener = std::function<void(std::string_view unit, Index done, Index total)>;

/// Who shows how far long work is. One per process, set and taken away ({}) while no work runs.
void set_progress_listener(ProgressListener listener);

/// Says how far long work of this process is. Costs some nanoseconds where nobody listens; local.
/// @param total  in the same unit, 0 if it is not known
void report_progress(std::string_view unit, Index done, Index total);

}  // namespace kronwerk::core
