#include "application/scalar_cotangent.hpp"

#include <fmt/format.h>

#include "kronwerk/io/read.hpp"

namespace kronwerk::application {

double read_scalar_cotangent(const TaskContext& context, double result) {
  const auto& cotangent = context.job().gradient->cotangent;
  if (cotangent.kind == configuration::CotangentKind::ones) return 1;
  if (cotangent.kind == configuration::CotangentKind::result) return result;
  const io::Location location = to_location(cotangent.dataset);
  const io::DatasetInfo info = io::inspect(context.comm, location);
  if (info.sparse || core::product(info.shape) != 1) {
    throw core::ShapeError(fmt::format(
        "{}: 'gradient.cotangent' {}:{} has the shape ({}); the result of '{}' is one number",
        context.job().where(cotangent.position), location.file, location.dataset,
        core::to_text(info.shape), configuration::task_name(context.job().task)));
  }
  double value = 0;
  io::read_range(context.comm, location, 0, std::span(&value, 1));
  return value;
}

}  // namespace kronwerk::application
