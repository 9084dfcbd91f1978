#include "application/session/job_families.hpp"

#include <gtest/gtest.h>

namespace kronwerk::application {
namespace {

using configuration::Task;

JobFamily family_of_task(Task task) {
  configuration::Job job;
  job.task = task;
  if (task == Task::effects) job.flow.emplace();  // of flow models only
  return family_of(job);
}

TEST(JobFamilies, EveryTaskIsRunAndPlanned) {
  for (std::size_t t = 0; t < configuration::task_names().size(); ++t) {
    const JobFamily family = family_of_task(static_cast<Task>(t));
    EXPECT_NE(family.run, nullptr) << configuration::task_names()[t];
    EXPECT_NE(family.plan, nullptr) << configuration::task_names()[t];
  }
}

TEST(JobFamilies, TasksOfOneKindOfModelAreRunAlike) {
  EXPECT_EQ(family_of_task(Task::solve).run, family_of_task(Task::logdet).run);
  EXPECT_EQ(family_of_task(Task::fit).run, family_of_task(Task::predict).run);
  EXPECT_NE(family_of_task(Task::fit).run, family_of_task(Task::solve).run);
  EXPECT_NE(family_of_task(Task::reduce).plan, family_of_task(Task::project).plan);
}

TEST(JobFamilies, ATaskThatDoesNotExistIsRefused) {
  EXPECT_THROW(family_of_task(static_cast<Task>(1000)), core::InternalError);
}

}  // namespace
}  // namespace kronwerk::application
