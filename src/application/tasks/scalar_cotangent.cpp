#include "application/tasks/scalar_cotangent.hpp"

#include <fmt/format.h>

#include "application/inputs/problem.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {

double read_scalar_cotangent(const communication::Communicator& comm, const configuration::Job& job,
                             double result) {
  const auto& cotangent = job.gradient->cotangent;
  if (cotangent.kind == configuration::CotangentKind::ones) return 1;
  if (cotangent.kind == configuration::CotangentKind::result) return result;
  const io::Location location = to_location(cotangent.dataset);
  const io::DatasetInfo info = io::inspect(comm, location);
  if (info.sparse || core::product(info.shape) != 1) {
    throw core::ShapeError(fmt::format(
        "{}: 'gradient.cotangent' {}:{} has the shape ({}); the result of '{}' is one number",
        job.where(cotangent.position), location.file, location.dataset, core::to_text(info.shape),
        configuration::task_name(job.task)));
  }
  double value = 0;
  io::read_range(comm, location, 0, std::span(&value, 1));
  return value;
}

}  // namespace kronwerk::application
