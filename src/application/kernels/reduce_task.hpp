#pragma once

#include "application/session/report.hpp"
#include "application/session/stages.hpp"
#include "kronwerk/io/files/result_file.hpp"

namespace kronwerk::application {

/// The task `reduce`: reductions of a kernel formula over one index of its points, written to
/// /result/<reduction> and /result/<reduction>_index, with gradients. Collective.
void run_reduce(const communication::Communicator& comm, const configuration::Job& job,
                Stages& stages, Report& report, io::ResultFile& file);

}  // namespace kronwerk::application
