#include "application/kernels/kernel_points.hpp"

namespace kronwerk::application {

KernelPoints::KernelPoints(const JobContext& context, const Problem& problem,
                           const KernelSystem& system)
    : comm_(&context.comm),
      system_(&system),
      kernel_(&problem.kernels.at(system.kernel)),
      precision_(problem.job.precision == configuration::FloatKind::float32
                     ? kernels::Precision::float32
                     : kernels::Precision::float64) {
  const auto side = [&](kernels::Axes axis, Index points) {
    const distribution::BlockPartition blocks(points, comm_->size());
    return kernels::DistributedSide{
        blocks, read_side(*comm_, kernel_->variables, axis, blocks.begin(comm_->rank()),
                          blocks.count(comm_->rank()))};
  };
  rows_ = side(kernels::axis_i, kernel_->rows);
  columns_ = side(kernels::axis_j, kernel_->cols);
  constants_ = read_constants(*comm_, kernel_->variables, problem.parameters());
  if (precision_ != kernels::Precision::float32) return;
  const auto translations = kernels::find_translations(std::span(&kernel_->formula, 1));
  for (const auto& loss : kernels::centre(*comm_, translations, rows_, columns_, constants_)) {
    context.stages.warn(loss_text(loss));
  }
}

operators::DistributedKernel KernelPoints::matrix(const kernels::Expression& formula) const {
  return {formula, constants_, rows_, columns_, precision_};
}

std::shared_ptr<const operators::KernelOperator> KernelPoints::make_operator(Index width) const {
  // The jitter belongs to K, and is added to its diagonal with it.
  return std::make_shared<const operators::KernelOperator>(
      *comm_, matrix(kernel_->formula), width, system_->scale,
      system_->shift + system_->scale * kernel_->jitter);
}

}  // namespace kronwerk::application
