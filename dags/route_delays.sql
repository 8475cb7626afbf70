-- One row a route and hour: what could be known when the hour began.
-- Runs as it is on DuckDB and on PostgreSQL.
WITH flown AS (
    SELECT
        origin, dest, time_hour, hour, distance, dep_delay,
        time_hour + (minute + dep_delay) * INTERVAL '1 minute' AS left_at
    FROM raw.flights
    WHERE time_hour >= :window_start AND time_hour < :window_end
),
planned AS (
    SELECT origin, dest, time_hour, min(hour) AS local_hour, min(distance) AS distance,
           count(*) AS flights_on_route
    FROM flown
    GROUP BY origin, dest, time_hour
),
hours AS (
    SELECT origin, time_hour, count(*) AS departures FROM flown GROUP BY origin, time_hour
),
so_far AS (
    -- Only aircraft that had really left: a delay is not known before it has ended.
    SELECT hours.origin, hours.time_hour, hours.departures,
           count(flown.left_at) AS left_before,
           sum(flown.dep_delay) AS delay_before
    FROM hours
    LEFT JOIN flown ON flown.origin = hours.origin AND flown.left_at < hours.time_hour
    GROUP BY hours.origin, hours.time_hour, hours.departures
)
SELECT
    planned.origin,
    planned.dest,
    planned.time_hour AS hour,
    CAST(planned.local_hour AS INTEGER) AS local_hour,
    CAST(planned.distance AS INTEGER) AS distance,
    CAST(planned.flights_on_route AS INTEGER) AS flights_on_route,
    CAST(so_far.departures AS INTEGER) AS departures,
    CAST(so_far.left_before AS INTEGER) AS left_before,
    CAST(so_far.delay_before AS DOUBLE PRECISION) / NULLIF(so_far.left_before, 0) AS mean_delay_before,
    weather.temp,
    weather.wind_speed,
    weather.precip,
    weather.visib
FROM planned
JOIN so_far ON so_far.origin = planned.origin AND so_far.time_hour = planned.time_hour
LEFT JOIN raw.weather AS weather
    ON weather.origin = planned.origin
    AND weather.time_hour = planned.time_hour - INTERVAL '1 hour'
    AND weather.time_hour >= :window_start AND weather.time_hour < :window_end
